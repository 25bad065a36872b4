package minicontainer

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/mini-container/internal/inspect"
	"namespaces-cgroups-ebpf/mini-container/internal/state"
)

// TestLiveInspect: a process that has the number of a container's, and began at
// another time, is not the container's.
func TestLiveInspect(t *testing.T) {
	ticks, err := startTicks("/proc", os.Getpid())
	require.NoError(t, err)
	live := &Live{Entry: &state.Entry{Record: state.Record{ID: "web", PID: os.Getpid(), StartTicks: ticks}}}
	r, err := live.Inspect()
	require.NoError(t, err)
	require.Equal(t, "web", r.Container)
	live.StartTicks++
	_, err = live.Inspect()
	require.ErrorIs(t, err, inspect.ErrEnded)
}

// TestRootOf: what is mounted somewhere, by mountinfo.
func TestRootOf(t *testing.T) {
	require.Equal(t, "/", rootOf("/proc"))
	require.Empty(t, rootOf("/no mount"))
}
