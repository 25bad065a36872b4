package vmtest

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/internal/report"
)

// TestStageTimes: two tests that overlap are busy for their sum, and occupy
// the time in which either ran.
func TestStageTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s stageTimes
		first := s.enter(StageTest)
		time.Sleep(2 * time.Second)
		second := s.enter(StageTest)
		time.Sleep(3 * time.Second)
		require.Equal(t, 5*time.Second, first())
		require.Equal(t, 5*time.Second, s.occupied(StageTest), "one is still inside")
		time.Sleep(time.Second)
		require.Equal(t, 4*time.Second, second())
		time.Sleep(10 * time.Second)
		third := s.enter(StageTest)
		time.Sleep(time.Second)
		third()
		require.Equal(t, 7*time.Second, s.occupied(StageTest))
		s.spent(StageSnapshot, time.Second)
		require.Equal(t, []report.Stage{
			{Name: "test", WallNS: 17e9, BusyNS: 10e9}, {Name: "snapshot", WallNS: 1e9, BusyNS: 1e9},
		}, s.report())
	})
}
