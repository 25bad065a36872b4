//go:build vmtest && linux

package connsnoop_test

import (
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func itoa(n int) string { return strconv.Itoa(n) }

// TestNoLeak compares the kernel's lists of BPF objects and kprobes before
// and after a tracer whose time is up, and one that is killed.
func TestNoLeak(t *testing.T) {
	t.Run("time is up", func(t *testing.T) {
		r := startAndCount(t, "--duration", "2s")
		if !r.holdsAll() { // over before it was counted: a busy host
			requireGone(t, r, (*exec.Cmd).Wait)
			r = startAndCount(t, "--duration", "20s")
		}
		require.True(t, r.holdsAll())
		requireGone(t, r, (*exec.Cmd).Wait)
	})
	t.Run("killed", func(t *testing.T) {
		r := startAndCount(t)
		require.True(t, r.holdsAll())
		requireGone(t, r, func(cmd *exec.Cmd) error {
			require.Error(t, errors.Join(cmd.Process.Kill(), cmd.Wait()))
			return nil
		})
	})
}

// running is a tracer, and what the kernel held before it and with it.
type running struct {
	*tracer
	before, during map[string]int
}

func startAndCount(t *testing.T, args ...string) running {
	before := inventory(t)
	tr := startTracer(t, "leak.jsonl", args...)
	during := inventory(t)
	t.Logf("before %v, during %v", before, during)
	return running{tr, before, during}
}

// holdsAll reports whether the kernel held more of all that a tracer needs.
func (r running) holdsAll() bool {
	for _, kind := range []string{"programs", "maps", "links"} {
		if r.during[kind] <= r.before[kind] {
			return false
		}
	}
	return true
}

// requireGone ends the tracer. The kernel frees in the background.
func requireGone(t *testing.T, r running, end func(*exec.Cmd) error) {
	require.NoError(t, end(r.cmd))
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		assert.Equal(c, r.before, inventory(t))
	}, 30*time.Second, 100*time.Millisecond)
}

// inventory counts what the kernel holds for tracers, all processes together.
func inventory(t *testing.T) map[string]int {
	kprobes, err := os.ReadFile("/sys/kernel/debug/kprobes/list")
	require.NoError(t, err)
	return map[string]int{
		"programs": countIDs(t, ebpf.ProgramGetNextID),
		"maps":     countIDs(t, ebpf.MapGetNextID),
		"links":    countLinks(t),
		"kprobes":  strings.Count(string(kprobes), "\n"),
		"pins":     countPins(t),
	}
}

func countIDs[ID ~uint32](t *testing.T, next func(ID) (ID, error)) (n int) {
	for id, err := next(0); ; id, err = next(id) {
		if errors.Is(err, os.ErrNotExist) {
			return n
		}
		require.NoError(t, err)
		n++
	}
}

func countLinks(t *testing.T) (n int) {
	var links link.Iterator
	defer links.Close()
	for links.Next() {
		n++
	}
	require.NoError(t, links.Err())
	return n
}

func countPins(t *testing.T) int {
	pins, err := os.ReadDir("/sys/fs/bpf")
	require.NoError(t, err)
	return len(pins)
}
