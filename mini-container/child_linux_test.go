package minicontainer

import (
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestSynchronize: the child goes on at one word, and says why if it does not.
func TestSynchronize(t *testing.T) {
	tests := []struct{ name, heard, want string }{
		{"go ahead", `"exec"`, ""},
		{"another word", `"stop"`, `wait for supervisor: it says "stop", not "exec"`},
		{"no word", `{}`, "wait for supervisor: json: cannot unmarshal"},
		{"the supervisor has died", "", "wait for supervisor: EOF"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var said strings.Builder
			err := synchronize(newReceiver(strings.NewReader(tt.heard)), &said, message{Steps: []StepTiming{{Step: "one"}}})
			if tt.want == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, tt.want)
				require.NotContains(t, err.Error(), "%!w", "nothing to wrap")
			}
			var ready message
			require.NoError(t, newReceiver(strings.NewReader(said.String())).Decode(&ready))
			require.NotEmpty(t, ready.Hostname)
			require.Equal(t, "one", ready.Steps[0].Step)
		})
	}
	require.Error(t, synchronize(newReceiver(strings.NewReader(`"exec"`)), deaf{}, message{}))
}

// deaf is a supervisor that has closed its end.
type deaf struct{}

func (deaf) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }
