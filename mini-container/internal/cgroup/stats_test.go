package cgroup

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseIO(t *testing.T) {
	tests := []struct {
		name, text string
		want       []IOStats
		fault      string
	}{
		{"nothing", "", nil, ""},
		{"a device that was not used", "7:0 \n254:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6\n", []IOStats{{"254:0", 1, 2, 3, 4}}, ""},
		{"iocost beside it", "254:0 rbytes=1 cost.vrate=100.00\n", []IOStats{{"254:0", 1, 0, 0, 0}}, ""},
		{"no number", "254:0 rbytes=x\n", nil, "parse io.stat line"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parseIO(tt.text)
			if tt.fault != "" {
				require.ErrorContains(t, err, tt.fault)
				return
			}
			require.NoError(t, err)
			require.Equal(t, tt.want, got)
		})
	}
}

// FuzzParseIO: whatever the text, no panic, and each device that is returned
// was in it.
func FuzzParseIO(f *testing.F) {
	for _, seed := range []string{"", "254:0 rbytes=1 wbytes=2\n", "254:0\n", "a b=c\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		all, err := parseIO(text)
		if err != nil {
			return
		}
		for _, s := range all {
			require.Contains(t, text, s.Device)
		}
		_, _ = parseLimit(text)
		_, _ = ownCgroup(text)
	})
}
