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
		{"go ahead", "\x00\x00\x00\x08\x00\x00\x00\x04exec", ""},
		{"another word", "\x00\x00\x00\x08\x00\x00\x00\x04stop", `wait for supervisor: got "stop", want "exec"`},
		{"no word", "\x00\x00\x00\x08\x00\x00\x00\x08exec", "wait for supervisor: decode message"},
		{"the supervisor has died", "", "wait for supervisor: EOF"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var said strings.Builder
			err := synchronize(strings.NewReader(tt.heard), &said, message{Steps: []StepTiming{{Step: "one"}}})
			if tt.want == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, tt.want)
				require.NotContains(t, err.Error(), "%!w", "nothing to wrap")
			}
			var ready message
			require.NoError(t, receive(strings.NewReader(said.String()), &ready, wireMessage))
			require.NotEmpty(t, ready.Hostname)
			require.Equal(t, "one", ready.Steps[0].Step)
		})
	}
	require.Error(t, synchronize(strings.NewReader(""), deaf{}, message{}))
}

// deaf is a supervisor that has closed its end.
type deaf struct{}

func (deaf) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }
