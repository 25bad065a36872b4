//go:build vmtest && linux

package connsnoop

import (
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/rlimit"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// TestRefusedUpdates has the shipped helpers find a map of live connections
// that refuses, which nobody can bring about from outside: each refusal is
// counted by its errno, and the end of that connection is no news.
func TestRefusedUpdates(t *testing.T) {
	require.NoError(t, rlimit.RemoveMemlock())
	var o refusedObjects
	require.NoError(t, loadRefusedObjects(&o, nil))
	t.Cleanup(func() { require.NoError(t, o.Close()) })
	refusals := []unix.Errno{0, unix.EBUSY, unix.EBUSY, unix.ENOMEM, unix.EDEADLK, unix.E2BIG, 0}
	for i, errno := range refusals {
		require.NoError(t, o.Refusal.Set(-int32(errno)))
		o.openAndEnd(t, uint64(i+1))
	}
	require.NoError(t, o.Refusal.Set(int32(0)))
	o.openAndEnd(t, 2) // memory that is used again
	s := o.stats(t)
	t.Log(s)
	require.Equal(t, Stats{
		Opened: 8, Closed: 3, Submitted: 3, Unseen: 5,
		MapFull: 1, MapBusy: 4, MapEBUSY: 2, MapENOMEM: 1, MapOther: 1,
	}, s)
	require.NoError(t, s.Check())
	require.EqualValues(t, 5, s.Lost())
}

// openAndEnd runs the program, for the socket of that number.
func (o *refusedObjects) openAndEnd(t *testing.T, socket uint64) {
	_, err := o.OpenAndEnd.Run(&ebpf.RunOptions{Context: socket})
	require.NoError(t, err)
}

func (o *refusedObjects) stats(t *testing.T) Stats {
	counters := make([]uint64, len((&Stats{}).counters()))
	for i := range counters {
		var perCPU []uint64
		require.NoError(t, o.Counters.Lookup(uint32(i), &perCPU))
		for _, n := range perCPU {
			counters[i] += n
		}
	}
	live, err := countLive(o.Live)
	require.NoError(t, err)
	return statsOf(counters, live)
}
