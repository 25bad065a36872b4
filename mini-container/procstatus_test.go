package minicontainer

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/mini-container/internal/inspect"
)

const statusText = "Name:\tprobe\nCapInh:\t0000000000000000\nCapPrm:\t00000000800405fb\nCapEff:\t00000000800405fb\n" +
	"CapBnd:\t00000000800405fb\nCapAmb:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t1\n"

func TestParseStatus(t *testing.T) {
	status, err := parseStatus(statusText)
	require.NoError(t, err)
	require.True(t, status.noNewPrivs)
	require.Equal(t, "filter", status.seccomp)
	require.Equal(t, uint64(0x800405fb), status.capabilities["effective"])
	require.Len(t, status.capabilities, 5)
}

func TestParseStatusRefuses(t *testing.T) {
	tests := []struct{ name, old, new, want string }{
		{"a field is missing", "CapAmb:\t0000000000000000\n", "", "6 of 7"},
		{"no number", "00000000800405fb", "full", "CapPrm"},
		{"unknown seccomp mode", "Seccomp:\t2", "Seccomp:\t9", "unknown mode"},
		{"empty", statusText, "", "0 of 7"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := parseStatus(strings.Replace(statusText, tt.old, tt.new, 1))
			require.ErrorContains(t, err, tt.want)
		})
	}
}

func TestParseNamespaceLink(t *testing.T) {
	inode, err := inspect.ParseNamespace("mnt:[4026531841]")
	require.NoError(t, err)
	require.Equal(t, uint64(4026531841), inode)
	for _, bad := range []string{"", "mnt", "mnt:[", "mnt:[x]", "mnt:[1", "mnt:[-1]"} {
		_, err := inspect.ParseNamespace(bad)
		require.Error(t, err, bad)
	}
}

func TestParseIDMap(t *testing.T) {
	mappings, err := inspect.ParseIDMap("         0       1000          1\n         1     100000      65536\n")
	require.NoError(t, err)
	require.Equal(t, []IDMapping{{ContainerID: 0, HostID: 1000, Size: 1}, {ContainerID: 1, HostID: 100000, Size: 65536}}, mappings)
	for _, bad := range []string{"0 0\n", "0 0 1 2\n", "0 0 4294967296\n", "a b c\n"} {
		_, err := inspect.ParseIDMap(bad)
		require.Error(t, err, bad)
	}
}

// FuzzProcfs: whatever the text, the parsers return, and a status that is
// accepted holds all that a report needs.
func FuzzProcfs(f *testing.F) {
	for _, seed := range []string{statusText, "mnt:[4026531841]", "0 1000 1\n", "Seccomp:", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if status, err := parseStatus(text); err == nil {
			require.Len(t, status.capabilities, len(capabilityFields))
			require.NotEmpty(t, status.seccomp)
		}
		_, _ = inspect.ParseNamespace(text)
		_, _ = inspect.ParseIDMap(text)
	})
}
