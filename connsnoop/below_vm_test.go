//go:build vmtest && linux

package connsnoop_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestCgroupBelow asks for a cgroup, and then makes others below it and beside
// it: connections from below count.
func TestCgroupBelow(t *testing.T) {
	random := seeded(t)
	home := ownCgroup(t)
	wanted := makeCgroup(t, "/sys/fs/cgroup/wanted-"+randomName(random))
	var tracers []*tracer
	for _, backend := range backendsHere(t) {
		tracers = append(tracers, startTracer(t, string(backend)+".jsonl", "--backend", string(backend), "--cgroup", wanted))
	}
	below := makeCgroup(t, filepath.Join(makeCgroup(t, wanted+"/made"), "later"))
	beside := makeCgroup(t, wanted+"-not")
	t.Cleanup(func() { enter(t, home) }) // before they are removed
	ports := map[string]uint16{}
	for _, group := range []string{beside, wanted, below, home} {
		enter(t, group)
		ports[group] = connectAndClose(t, "tcp4")
	}
	for _, tr := range tracers {
		events, stats := tr.interrupt(t, syscall.SIGTERM)
		require.EqualValues(t, 4, stats["submitted"])
		for i, e := range events {
			want := []string{wanted, below}[i/2]
			require.Contains(t, []uint16{e.LocalPort, e.RemotePort}, ports[want])
			require.Equal(t, strings.TrimPrefix(want, "/sys/fs/cgroup"), e.Cgroup.Path)
		}
	}
}

// ownCgroup is where this process is.
func ownCgroup(t *testing.T) string {
	text, err := os.ReadFile("/proc/self/cgroup")
	require.NoError(t, err)
	_, path, found := strings.Cut(strings.TrimSpace(string(text)), "::")
	require.True(t, found, "cgroup v2: %s", text)
	return filepath.Join("/sys/fs/cgroup", path)
}

func makeCgroup(t *testing.T, path string) string {
	require.NoError(t, os.Mkdir(path, 0o755))
	t.Cleanup(func() { require.NoError(t, os.Remove(path)) })
	return path
}
