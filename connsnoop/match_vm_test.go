//go:build vmtest && linux

package connsnoop_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func hostPort(addr string, port uint16) netip.AddrPort {
	parsed, err := netip.ParseAddr(addr)
	if err != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(parsed, port)
}

// stateNames is include/net/tcp_states.h, written again on purpose: the
// truth must not come from the package under test.
var stateNames = map[uint8]string{1: "ESTABLISHED", 4: "FIN_WAIT1", 5: "FIN_WAIT2", 7: "CLOSE", 8: "CLOSE_WAIT"}

// requireMatch compares a record with what the socket's owner knows.
func requireMatch(t *testing.T, s side, e wire) {
	key := s.key()
	require.Equal(t, []string{"conn-event/v1", "close", "tcp"}, []string{e.Schema, e.Type, e.Protocol}, key)
	require.Equal(t, s.Comm, e.Comm, key)
	require.Equal(t, []int{s.TID, s.UID}, []int{e.TID, e.UID}, "tid, uid of %s", key)
	if e.State != "CLOSE" { // the connection was still there to be closed
		require.Equal(t, s.PID, e.CloserPID, "closer of %s", key)
	}
	require.Equal(t, s.Netns, e.Netns, key)
	require.Equal(t, s.Mapped, e.Mapped, key)
	require.Equal(t, s.Local.Addr().Is6(), e.Family == "ipv6", key)
	require.Equal(t, stateNames[s.State], e.State, "state of %s", key)
	require.Equal(t, []uint64{s.Tx, s.Rx}, []uint64{e.Tx, e.Rx}, "bytes sent and received, %s, state %s", key, e.State)
	requireTimes(t, s, e)
}

// requireTimes bounds the times by those read around the system calls: same
// clock, no tolerance.
func requireTimes(t *testing.T, s side, e wire) {
	key := s.key()
	requireBetween(t, s.OpenedFrom, e.Opened, s.OpenedUntil, "opened "+key)
	if e.State == "CLOSE" { // it ended by itself
		requireBetween(t, s.OpenedFrom, e.Closed, s.ClosingFrom, "ended "+key)
	} else {
		requireBetween(t, s.ClosingFrom, e.Closed, s.ClosingUntil, "closed "+key)
	}
	require.Equal(t, e.Closed-e.Opened, e.Duration, key)
	require.Equal(t, e.Opened+e.Offset, e.OpenedAt.UnixNano(), key)
	require.Equal(t, e.Closed+e.Offset, e.ClosedAt.UnixNano(), key)
	require.WithinDuration(t, time.Now(), e.ClosedAt, time.Minute, key)
}

func requireBetween(t *testing.T, from, got, until int64, what string) {
	require.True(t, from <= got && got <= until, "%s: %d is not in [%d, %d]", what, got, from, until)
}

// requireNoLoss checks the tracer's own statistics against the records.
func requireNoLoss(t *testing.T, stats map[string]uint64, events int) {
	require.Equal(t, uint64(events), stats["closed"], "closed")
	require.GreaterOrEqual(t, stats["opened"], stats["closed"])
	for _, name := range []string{"map_full", "ring_full", "live"} {
		require.Contains(t, stats, name)
		require.Zero(t, stats[name], name)
	}
}
