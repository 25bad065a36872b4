package vmtest

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/vmtest/internal/plan"
)

func queued(kernel int, id string) cell {
	return cell{kernel: kernel, entry: plan.Entry{ID: id, Needs: plan.Needs{Image: "base", Init: plan.InitGuest}}}
}

func taken(t *testing.T, q *queue) string {
	t.Helper()
	c, ok := q.take(t.Context())
	require.True(t, ok)
	return c.entry.ID
}

// TestQueuePassesOverWhatComesUp: one cell makes a kernel's snapshot, and
// meanwhile the next kernel is booted, not this one once more.
func TestQueuePassesOverWhatComesUp(t *testing.T) {
	q := newQueue([]cell{queued(0, "a0"), queued(0, "a1"), queued(1, "b0"), queued(1, "b1")}, false)
	require.Equal(t, "a0", taken(t, q))
	require.Equal(t, "b0", taken(t, q))
	next := make(chan cell)
	go func() { c, _ := q.take(t.Context()); next <- c }()
	select {
	case c := <-next:
		require.Fail(t, "did not wait", c.entry.ID)
	default:
	}
	q.up(queued(1, "").variant())
	require.Equal(t, "b1", (<-next).entry.ID)
	q.up(queued(0, "").variant())
	require.Equal(t, "a1", taken(t, q))
	_, ok := q.take(t.Context())
	require.False(t, ok)
}

// TestQueueVariants: another root disk or another init is another snapshot.
func TestQueueVariants(t *testing.T) {
	systemd := queued(0, "systemd")
	systemd.entry.Needs.Init = plan.InitSystemd
	q := newQueue([]cell{queued(0, "a"), queued(0, "b"), systemd}, false)
	require.Equal(t, "a", taken(t, q))
	require.Equal(t, "systemd", taken(t, q))
}

func TestQueueDropsWhatNeverComesUp(t *testing.T) {
	q := newQueue([]cell{queued(0, "a0"), queued(0, "a1"), queued(1, "b0"), queued(1, "b1")}, false)
	require.Equal(t, "a0", taken(t, q))
	dropped := q.down(queued(0, "").variant())
	require.Len(t, dropped, 1)
	require.Equal(t, "a1", dropped[0].entry.ID)
	require.Equal(t, "b0", taken(t, q))
	q.up(queued(1, "").variant())
	require.Empty(t, q.down(queued(1, "").variant()), "it has come up before: that one VM does not speak for all")
	require.Equal(t, "b1", taken(t, q))
}

// TestColdQueueWaitsForNothing: without a snapshot there is nothing to wait
// for.
func TestColdQueueWaitsForNothing(t *testing.T) {
	q := newQueue([]cell{queued(0, "a0"), queued(0, "a1")}, true)
	require.Equal(t, "a0", taken(t, q))
	require.Equal(t, "a1", taken(t, q))
}

func TestQueueEndsWithTheRun(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	q := newQueue([]cell{queued(0, "a0"), queued(0, "a1")}, false)
	require.Equal(t, "a0", taken(t, q))
	ended := make(chan bool)
	go func() { _, ok := q.take(ctx); ended <- ok }()
	cancel()
	q.down(queued(0, "").variant())
	require.False(t, <-ended)
}
