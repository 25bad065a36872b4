package main

import (
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/vmtest"
)

func TestParseMount(t *testing.T) {
	t.Chdir(t.TempDir())
	tests := []struct {
		value string
		want  vmtest.Mount
		err   string
	}{
		{"dir", vmtest.Mount{Source: "dir"}, ""},
		{"dir:/target", vmtest.Mount{Source: "dir", Target: "/target"}, ""},
		{"a:b:/t", vmtest.Mount{Source: "a:b", Target: "/t"}, ""},
		{"a:b", vmtest.Mount{Source: "a:b"}, ""},
		{"", vmtest.Mount{}, "want DIR[:TARGET]"},
		{":/target", vmtest.Mount{}, "want DIR[:TARGET]"},
	}
	for _, tt := range tests {
		m, err := parseMount(tt.value)
		if tt.err != "" {
			require.ErrorContains(t, err, tt.err, tt.value)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, tt.want, m, tt.value)
	}
}

func TestParseUserAndSize(t *testing.T) {
	for value, want := range map[string][2]uint32{"0": {0, 0}, "1000": {1000, 1000}, "1000:5": {1000, 5}} {
		uid, gid, err := parseUser(value)
		require.NoError(t, err)
		require.Equal(t, want, [2]uint32{uid, gid})
	}
	for _, value := range []string{"", "root", "1:", ":1", "-1", "4294967295", "1:2:3"} {
		_, _, err := parseUser(value)
		require.Error(t, err, value)
	}
	for value, want := range map[string]int64{"256M": 256 << 20, "2G": 2 << 30, "512m": 512 << 20, "1GiB": 1 << 30} {
		size, err := parseSize(value)
		require.NoError(t, err)
		require.Equal(t, want, size)
	}
	for _, value := range []string{"", "G", "1", "1T", "1.5G", "-1G", "128M", "99999999999G"} {
		_, err := parseSize(value)
		require.Error(t, err, value)
	}
}

func TestPrompt(t *testing.T) {
	require.Equal(t, `vmtest 5.10 \w\$ `, prompt("5.10"))
	require.Equal(t, `vmtest (rm x)n \w\$ `, prompt("/boot/$(rm x)`\\n"))
}

// TestEscapeReader: three in a row, also over several reads, and nothing else.
func TestEscapeReader(t *testing.T) {
	for typed, want := range map[string]int{
		"\x1d\x1d\x1d": 1, "a\x1d\x1db\x1d": 0, "\x1d\x1dx\x1d\x1d\x1dy": 1, "": 0,
	} {
		escaped := 0
		e := &escapeReader{in: iotest.OneByteReader(strings.NewReader(typed)), escape: func() { escaped++ }}
		data, err := io.ReadAll(e)
		require.NoError(t, err)
		require.Equal(t, typed, string(data), "it is passed on all the same")
		require.Equal(t, want, escaped, "%q", typed)
	}
}
