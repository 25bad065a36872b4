package minicontainer

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseBytes(t *testing.T) {
	tests := []struct {
		name, text string
		want       int64
		ok         bool
	}{
		{"bytes", "4096", 4096, true},
		{"kibi", "1K", 1024, true},
		{"lower case", "64m", 64 << 20, true},
		{"tebi", "8T", 8 << 40, true},
		{"nothing", "", 0, false},
		{"unit alone", "M", 0, false},
		{"fraction", "1.5G", 0, false},
		{"negative", "-1", 0, false},
		{"two units", "1MM", 0, false},
		{"unit inside", "1M2", 0, false},
		{"overflow", "8388608T", 0, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseBytes(tt.text)
			require.Equal(t, tt.ok, err == nil, "%v", err)
			require.Equal(t, tt.want, got)
		})
	}
}

func TestParseStartTicks(t *testing.T) {
	const rest = " S 1 7 7 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 4711 0 0"
	for name, stat := range map[string]string{
		"plain": "7 (sh)" + rest, "hostile name": "7 (a) S 1 2 3 (b)" + rest,
	} {
		t.Run(name, func(t *testing.T) {
			got, err := parseStartTicks(stat)
			require.NoError(t, err)
			require.Equal(t, uint64(4711), got)
		})
	}
	for _, bad := range []string{"", "7 (sh", "7 (sh) S 1", "7 (sh)" + strings.Replace(rest, "4711", "x", 1)} {
		_, err := parseStartTicks(bad)
		require.Error(t, err, bad)
	}
}

// FuzzParseBytes: what is accepted is not negative.
func FuzzParseBytes(f *testing.F) {
	for _, seed := range []string{"64M", "0", "9223372036854775807", "1t"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if n, err := ParseBytes(text); err == nil {
			require.GreaterOrEqual(t, n, int64(0))
		}
		_, _ = parseStartTicks(text)
	})
}
