package multitenantcgroups

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestSentinelCountsTheSleepUnderWay: who asks right after a stall may be
// earlier than the sentinel itself.
func TestSentinelCountsTheSleepUnderWay(t *testing.T) {
	s := &sentinel{asleep: time.Now().Add(-time.Second)}
	seen := s.soFar()
	require.GreaterOrEqual(t, seen.worst, time.Second-sentinelSleep)
	require.Equal(t, seen.worst, seen.total)
	s.wake()
	require.GreaterOrEqual(t, s.seen.worst, seen.worst)
	require.Less(t, time.Since(s.asleep), time.Second)
}

func TestStalls(t *testing.T) {
	var s stalls
	for _, late := range []time.Duration{3, 9, 40, 12} {
		s.add(late * time.Millisecond)
	}
	require.Equal(t, stalls{worst: 40 * time.Millisecond, total: 52 * time.Millisecond}, s)
}
