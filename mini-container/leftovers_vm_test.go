//go:build vmtest && linux

package minicontainer_test

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestNothingLeft compares the machine before and after each way to end.
func TestNothingLeft(t *testing.T) {
	b := newBench(t, 0)
	took := b.firstRun(t)
	before := takeStock(t, b)

	t.Run("after an exit", func(t *testing.T) {
		c := b.start(t, "wait", "--report", filepath.Join(b.base, "report.json"))
		c.line(t)
		during := takeStock(t, b)
		require.Greater(t, len(during.namespaces), len(before.namespaces), "the check sees no container at all")
		require.Equal(t, 0, c.end(t))
		require.NoError(t, os.Remove(filepath.Join(b.base, "report.json")))
		requireStock(t, b, before)
	})
	// From here on the command does not end by itself, whatever is closed.
	t.Cleanup(func() { b.killProbes() })
	t.Cleanup(b.collect)
	t.Run("after SIGKILL of the supervisor", func(t *testing.T) {
		c := b.start(t, "stay")
		c.line(t)
		require.NoError(t, c.cmd.Process.Kill())
		c.cmd.Wait()
		requireStock(t, b, before)
	})
	t.Run("after SIGKILL during set-up", func(t *testing.T) {
		for range 3 {
			c := b.start(t, "stay")
			time.Sleep(time.Duration(b.random.Int64N(int64(took))))
			require.NoError(t, c.cmd.Process.Kill())
			c.cmd.Wait()
			requireStock(t, b, before)
		}
	})
	t.Run("after SIGKILL with a user namespace", func(t *testing.T) {
		c := b.start(t, "stay", "--user-ns")
		c.line(t)
		require.NoError(t, c.cmd.Process.Kill())
		c.cmd.Wait()
		requireStock(t, b, before)
	})
}

// collect lets the executable clear away cgroups and state of what was killed,
// if it has any: the harness looks for those.
func (b *bench) collect() { _ = exec.Command(os.Getenv("VMTEST_BIN"), "gc").Run() }

// firstRun lets the mount points in the rootfs come to be: those may stay. It
// returns how long a container takes to run its command.
func (b *bench) firstRun(t *testing.T) time.Duration {
	start := time.Now()
	c := b.start(t, "wait")
	c.line(t)
	took := time.Since(start)
	require.Equal(t, 0, c.end(t))
	return took
}

// stock is what a container could leave on the machine.
type stock struct {
	mounts     string
	namespaces []string
	processes  []string // command lines of everything that is not a kernel thread
	files      []string
}

func takeStock(t *testing.T, b *bench) stock {
	s := stock{mounts: readText("/proc/self/mountinfo")}
	namespaces := map[string]bool{}
	for _, pid := range numeric("/proc") {
		if line := readText("/proc/" + pid + "/cmdline"); line != "" {
			s.processes = append(s.processes, line)
		}
		for _, link := range namespaceLinks("/proc/" + pid) {
			namespaces[link] = true
		}
	}
	s.namespaces = slices.Sorted(maps.Keys(namespaces))
	slices.Sort(s.processes)
	for _, pattern := range []string{os.TempDir() + "/*", os.TempDir() + "/.*", b.base + "/*", b.base + "/.*", b.rootfs + "/*"} {
		found, err := filepath.Glob(pattern)
		require.NoError(t, err)
		s.files = append(s.files, found...)
	}
	return s
}

// requireStock waits if it must: the kernel takes namespaces apart on its own
// time after the last process has gone.
func requireStock(t *testing.T, b *bench, want stock) {
	t.Helper()
	deadline := time.Now().Add(patience)
	got := takeStock(t, b)
	for !equalStock(got, want) && time.Now().Before(deadline) {
		time.Sleep(50 * time.Millisecond)
		got = takeStock(t, b)
	}
	require.Equal(t, want, got)
}

func equalStock(a, b stock) bool {
	return a.mounts == b.mounts && slices.Equal(a.namespaces, b.namespaces) &&
		slices.Equal(a.processes, b.processes) && slices.Equal(a.files, b.files)
}
