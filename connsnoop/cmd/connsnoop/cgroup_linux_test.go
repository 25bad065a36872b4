package main

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	hexA = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	hexB = "0123456789abffff0123456789abcdef0123456789abcdef0123456789abcdef"
)

// plantCgroups makes directories that look like a hierarchy.
func plantCgroups(t *testing.T, dirs ...string) hierarchy {
	root := t.TempDir()
	for _, dir := range dirs {
		require.NoError(t, os.MkdirAll(filepath.Join(root, dir), 0o755))
	}
	require.NoError(t, os.WriteFile(filepath.Join(root, "cgroup.procs"), nil, 0o600))
	return hierarchy(root)
}

func inodes(t *testing.T, h hierarchy, dirs ...string) (all []uint64) {
	for _, dir := range dirs {
		info, err := os.Stat(filepath.Join(string(h), dir))
		require.NoError(t, err)
		all = append(all, info.Sys().(*syscall.Stat_t).Ino)
	}
	return all
}

func TestCgroupPath(t *testing.T) {
	h := plantCgroups(t, "a/b/c", "a/d", "ab")
	tests := []struct {
		name, path string
		want       string
		err        string
	}{
		{"from the root", "/a", "a", ""},
		{"without a slash", "a/b", "a/b", ""},
		{"with the mount point", string(h) + "/a/b/c", "a/b/c", ""},
		{"the root", "/", "", ""},
		{"the mount point", string(h), "", ""},
		{"no way out", "../../../a", "a", ""},
		{"not there", "/x", "", "there is no " + string(h) + "/x"},
		{"a file", "/cgroup.procs", "", "is no directory"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			id, err := h.path(tt.path)
			if tt.err != "" {
				require.ErrorContains(t, err, tt.err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, inodes(t, h, tt.want), []uint64{id})
		})
	}
}

func TestCgroupContainer(t *testing.T) {
	scopeA, scopeB := "system.slice/docker-"+hexA+".scope", "system.slice/docker-"+hexB+".scope"
	h := plantCgroups(t, scopeA+"/init", scopeA+"/system.slice/ssh.service", scopeB, "mini-container/demo/payload", "a")
	tests := []struct {
		name, id string
		want     []string
		err      string
	}{
		{"whole id", hexA, []string{scopeA}, ""},
		{"short id", hexB[:14], []string{scopeB}, ""},
		{"name", "demo", []string{"mini-container/demo"}, ""},
		{"shorter than any program prints", hexB[:11], nil, `no cgroup belongs to "0123456789a"`},
		{"two of them", hexA[:12], nil, "may be " + hexA + " or " + hexB},
		{"none", "web", nil, `no cgroup belongs to "web"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ids, err := h.container(tt.id)
			if tt.err != "" {
				require.ErrorContains(t, err, tt.err)
				return
			}
			require.NoError(t, err)
			require.ElementsMatch(t, inodes(t, h, tt.want...), ids)
		})
	}
}

func TestParseNetns(t *testing.T) {
	own, err := os.Stat("/proc/self/ns/net")
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	tests := []struct {
		name, text string
		want       uint64
		err        string
	}{
		{"inode", "4026531840", 4026531840, ""},
		{"path", "/proc/self/ns/net", own.Sys().(*syscall.Stat_t).Ino, ""},
		{"another kind of namespace", "/proc/self/ns/mnt", 0, "is no network namespace"},
		{"a file", file, 0, "is no network namespace"},
		{"name", "no-such-netns", 0, "open /run/netns/no-such-netns: no such file"},
		{"zero", "0", 0, "no such file"},
		{"nothing", "", 0, "must be an inode, a path"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inode, err := parseNetns(tt.text)
			if tt.err != "" {
				require.ErrorContains(t, err, tt.err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, tt.want, inode)
		})
	}
}
