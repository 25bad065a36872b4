package cgroupfs_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/internal/cgroupfs"
)

func TestParseKeyed(t *testing.T) {
	tests := []struct {
		name, content string
		want          map[string]uint64
		fault         string
	}{
		{"empty", "", map[string]uint64{}, ""},
		{"two", "max 3\noom_kill 18446744073709551615\n", map[string]uint64{"max": 3, "oom_kill": 1<<64 - 1}, ""},
		{"no newline at the end", "max 3", map[string]uint64{"max": 3}, ""},
		{"key twice", "max 1\nmax 2\n", nil, "twice"},
		{"nested", "some avg10=0.00\n", nil, "parse keyed line"},
		{"word", "max max\n", nil, "invalid syntax"},
		{"blank line", "max 1\n\n", nil, "want KEY VALUE"},
		{"no value", "max\n", nil, "want KEY VALUE"},
		{"negative", "max -1\n", nil, "invalid syntax"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := cgroupfs.ParseKeyed(tt.content)
			if tt.fault != "" {
				require.ErrorContains(t, err, tt.fault)
				return
			}
			require.NoError(t, err)
			require.Equal(t, tt.want, got)
		})
	}
}

func FuzzParseKeyed(f *testing.F) {
	for _, s := range []string{"", "max 0\n", "usage_usec 1\nuser_usec 2\n", " 1\n", "a  1\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, content string) {
		values, err := cgroupfs.ParseKeyed(content)
		if err != nil {
			return
		}
		require.Len(t, values, strings.Count(strings.TrimSuffix(content, "\n")+"\n", "\n")*min(1, len(content)))
	})
}
