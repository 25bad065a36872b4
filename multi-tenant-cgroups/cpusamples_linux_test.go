package multitenantcgroups

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// play samples every 20 ms what a cgroup with a quota of 25 ms per 100 ms would
// show. spin says whether the workload runs in a step, and how long the step is.
func play(steps int, limited bool, length func(step int) time.Duration) cpuSamples {
	samples := cpuSamples{quota: 25000, all: []cpuSample{{at: time.Unix(0, 0)}}}
	var now time.Duration
	var s cpuStat
	left := 25 * time.Millisecond // until the cgroup is throttled; negative is debt
	for step := range steps {
		spent := length(step)
		before := now / (100 * time.Millisecond)
		now += spent
		if !limited || left > 0 {
			s.usage += uint64(spent.Microseconds()) // all of it, as the kernel charges a stall
			left -= spent
		}
		if passed := uint64(now/(100*time.Millisecond) - before); limited && passed > 0 {
			s.periods += passed
			if left <= 0 {
				s.throttled += passed
			}
			left = min(left+25*time.Millisecond, 25*time.Millisecond)
		}
		samples.all = append(samples.all, cpuSample{time.Unix(0, int64(now)), s})
	}
	return samples
}

func TestCPUSamples(t *testing.T) {
	const tick = 5 * time.Millisecond
	steady := func(int) time.Duration { return tick }
	stallAt := func(at int, long time.Duration) func(int) time.Duration {
		return func(step int) time.Duration {
			if step == at {
				return long
			}
			return tick
		}
	}
	tests := []struct {
		name      string
		samples   cpuSamples
		low, high float64
		unlimited bool
	}{
		{"steady", play(200, true, steady), 0.9, 1.1, false},
		{"stall while running", play(600, true, stallAt(81, 300*time.Millisecond)), 0.8, 1.1, false},
		{"stall while throttled", play(600, true, stallAt(95, 300*time.Millisecond)), 0.8, 1.1, false},
		{"stall at the end", play(200, true, stallAt(199, 300*time.Millisecond)), 0.8, 1.1, false},
		{"no limit", play(200, false, steady), 3.9, 4.1, true},
		{"no limit, and stalls", play(40, false, func(step int) time.Duration { return time.Duration(step%5) * 50 * time.Millisecond }), 3.9, 4.1, true},
		{"no limit, too short to tell", play(20, false, steady), 3.9, 4.1, false},
		{"one long stall and no period yet", play(3, false, stallAt(2, time.Second)), 0, 9, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			begin, end := tt.samples.edges()
			run := cpuRun(begin, end, "25000 100000", 1)
			require.GreaterOrEqual(t, run.LimitUsed, tt.low)
			require.LessOrEqual(t, run.LimitUsed, tt.high)
			require.Equal(t, tt.unlimited, tt.samples.unlimited())
		})
	}
}

func TestCPUSamplesUnlimitedNeedsStillCounters(t *testing.T) {
	samples := play(200, false, func(int) time.Duration { return 5 * time.Millisecond })
	samples.all[150].throttled++
	require.False(t, samples.unlimited())
}

func TestRepays(t *testing.T) {
	counters := func(usage string) map[counterKey]string { return map[counterKey]string{usageKey: usage} }
	throttled := Counter{File: "cpu.stat", Key: "nr_throttled", Before: "90", After: "92"}
	require.True(t, repays(throttled, "25000 100000", counters("1000"), counters("1700")), "nobody ran")
	require.False(t, repays(throttled, "25000 100000", counters("1000"), counters("26000")), "somebody used a quota")
	require.False(t, repays(throttled, "25000 100000", counters("1000"), nil), "nobody knows")
	require.False(t, repays(Counter{File: "pids.events", Key: "max"}, "25000 100000", counters("1"), counters("1")))
}
