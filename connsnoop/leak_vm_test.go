//go:build vmtest && linux

package connsnoop_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/connsnoop"
)

func itoa(n int) string { return strconv.Itoa(n) }

// TestNoLeak compares the kernel's lists of BPF objects and kprobes before
// and after a tracer whose time is up, and one of each backend that is killed.
func TestNoLeak(t *testing.T) {
	t.Run("time is up", func(t *testing.T) {
		r := startAndList(t, "--duration", "2s")
		if !r.holdsAll() { // over before it was listed: a busy host
			requireGone(t, r, (*exec.Cmd).Wait)
			r = startAndList(t, "--duration", "20s")
		}
		require.True(t, r.holdsAll())
		requireGone(t, r, (*exec.Cmd).Wait)
	})
	for _, backend := range append(backendsHere(t), connsnoop.BackendAuto) {
		t.Run("killed, "+string(backend), func(t *testing.T) {
			r := startAndList(t, "--backend", string(backend))
			require.True(t, r.holdsAll())
			connectAndClose(t, "tcp4")
			requireGone(t, r, kill)
		})
	}
}

// TestOneOfTwo kills one of two tracers: the other misses nothing, neither of
// a connection that was open then nor of one that comes later.
func TestOneOfTwo(t *testing.T) {
	for _, backend := range append(backendsHere(t), connsnoop.BackendAuto) {
		t.Run(string(backend), func(t *testing.T) {
			random, before := seeded(t), inventory(t)
			killed := startTracer(t, "killed.jsonl", "--backend", string(backend))
			w := startWatch(t, connsnoop.Options{Backend: backend, Events: true})
			open, ok := scenarioNamed("seeded")
			require.True(t, ok)
			c := startActor(t, random, open)
			c.awaitPause(t) // its connection is open
			require.NoError(t, kill(killed.cmd))
			ends, err := c.finish()
			require.NoError(t, err)
			truths := perform(t, random, ordinaryParts, func() {})
			requireNoneLive(t)
			truths[open.name] = notSeeded(ends)
			requireExact(t, w.finish(t, truths))
			require.NoError(t, w.tracer.Close())
			runtime.GC() // ends the mapping of the variables' map in this process
			requireInventory(t, before)
		})
	}
}

// notSeeded is the truth of who saw the connection open. When, and by which
// thread, the actor has not kept.
func notSeeded(ends []truth) []truth {
	for i := range ends {
		ends[i].Seeded, ends[i].PIDSource, ends[i].Opener.TID = false, ends[i].Direction, 0
	}
	return ends
}

func requireExact(t *testing.T, cells []cell) {
	for _, c := range cells {
		require.Equal(t, "exact", c.Verdict, "%s: %v", c.Scenario, c.Differences)
	}
}

func kill(cmd *exec.Cmd) error {
	err := cmd.Process.Kill()
	_ = cmd.Wait()
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGKILL {
		return errors.Join(err, errors.New("it was not killed"))
	}
	return err
}

// running is a tracer, and what the kernel held before it and with it.
type running struct {
	*tracer
	before, during map[string][]string
}

func startAndList(t *testing.T, args ...string) running {
	before := inventory(t)
	tr := startTracer(t, "leak.jsonl", args...)
	during := inventory(t)
	t.Logf("before %v, during %v", before, during)
	return running{tr, before, during}
}

// holdsAll reports whether the kernel held more of all that a tracer needs.
func (r running) holdsAll() bool {
	for _, kind := range []string{"programs", "maps", "links"} {
		if len(r.during[kind]) <= len(r.before[kind]) {
			return false
		}
	}
	return true
}

// requireGone ends the tracer.
func requireGone(t *testing.T, r running, end func(*exec.Cmd) error) {
	require.NoError(t, end(r.cmd))
	requireInventory(t, r.before)
}

// requireInventory waits: the kernel frees in the background.
func requireInventory(t *testing.T, want map[string][]string) {
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		assert.Equal(c, want, inventory(t))
	}, patience, 100*time.Millisecond)
}

// inventory lists what the kernel holds for tracers, all processes together:
// the numbers of BPF objects, kprobes by name, files in bpffs.
func inventory(t *testing.T) map[string][]string {
	kprobes, err := os.ReadFile("/sys/kernel/debug/kprobes/list")
	require.NoError(t, err)
	return map[string][]string{
		"programs": listIDs(t, ebpf.ProgramGetNextID),
		"maps":     listIDs(t, ebpf.MapGetNextID),
		"links":    listLinks(t),
		"kprobes":  slices.Sorted(strings.Lines(string(kprobes))),
		"pins":     listPins(t),
	}
}

func listIDs[ID ~uint32](t *testing.T, next func(ID) (ID, error)) (list []string) {
	for id, err := next(0); ; id, err = next(id) {
		if errors.Is(err, os.ErrNotExist) {
			return list
		}
		require.NoError(t, err)
		list = append(list, itoa(int(id)))
	}
}

func listLinks(t *testing.T) (list []string) {
	var links link.Iterator
	defer links.Close()
	for links.Next() {
		list = append(list, itoa(int(links.ID)))
	}
	require.NoError(t, links.Err())
	return list
}

func listPins(t *testing.T) (list []string) {
	require.NoError(t, filepath.WalkDir("/sys/fs/bpf", func(path string, _ os.DirEntry, err error) error {
		list = append(list, path)
		return err
	}))
	return list
}
