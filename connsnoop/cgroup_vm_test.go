//go:build vmtest && linux

package connsnoop_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/connsnoop"
)

// TestGoneCgroup reads the records when the cgroup is gone for long: its path
// was taken when the connection was opened.
func TestGoneCgroup(t *testing.T) {
	for _, backend := range backendsHere(t) {
		t.Run(string(backend), func(t *testing.T) {
			tracer, err := connsnoop.New(connsnoop.Options{Backend: backend})
			require.NoError(t, err)
			defer tracer.Close()
			truths := perform(t, seeded(t), ordinaryParts[:1], func() {})[ordinaryParts[0].name]
			requireNoneLive(t)
			require.NoDirExists(t, "/sys/fs/cgroup"+truths[0].CgroupPath)
			require.NoError(t, tracer.Detach())
			records := readAll(t, tracer)
			require.Len(t, records, len(truths))
			requireSubset(t, truths, records)
		})
	}
}

// TestDeepCgroup: a path with more levels than are followed is not known, and
// that is counted.
func TestDeepCgroup(t *testing.T) {
	top := "/sys/fs/cgroup/" + randomName(seeded(t))
	deep := filepath.Join(top, strings.Repeat("level/", 30))
	require.NoError(t, os.MkdirAll(deep, 0o755))
	defer func() {
		for dir := deep; dir != filepath.Dir(top); dir = filepath.Dir(dir) {
			require.NoError(t, os.Remove(dir))
		}
	}()
	w := startWatch(t, connsnoop.Options{})
	enter(t, deep)
	connectAndClose(t, "tcp4")
	enter(t, "/sys/fs/cgroup")
	requireNoneLive(t)
	stats := w.stop(t)
	require.Len(t, w.ends(), 2)
	for _, e := range w.ends() {
		require.Empty(t, e.Cgroup.Path)
		require.NotZero(t, e.Cgroup.ID)
	}
	require.NotZero(t, stats.PathsLost)
}

// enter moves this process to a cgroup.
func enter(t *testing.T, dir string) {
	require.NoError(t, os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte("0"), 0))
}
