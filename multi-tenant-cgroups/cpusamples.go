package multitenantcgroups

import "time"

// The kernel charges a stall of the machine to whoever ran, all at once, and
// has it repaid: the cgroup stays throttled for as many periods as that takes.
// So use since the start of a measurement is at times far above the limit on a
// busy host, and comes back to it. What does not come back is no stall.

// cpuStat holds the counters of cpu.stat that matter here.
type cpuStat struct{ usage, periods, throttled uint64 } // usage in microseconds

// cpuSample is what cpu.stat said at one moment.
type cpuSample struct {
	at time.Time
	cpuStat
}

// cpuSamples are in the order of time; quota is what one period allows, in
// microseconds.
type cpuSamples struct {
	quota float64
	all   []cpuSample
}

// edges returns the samples between which use and limit can be compared: in
// the first and in the last third of the time those with the least debt.
func (c cpuSamples) edges() (begin, end cpuSample) {
	third := max(len(c.all)/3, 1)
	return c.leastDebt(c.all[:third]), c.leastDebt(c.all[len(c.all)-third:])
}

func (c cpuSamples) leastDebt(part []cpuSample) cpuSample {
	least := part[0]
	for _, s := range part[1:] {
		if c.debt(s) < c.debt(least) {
			least = s
		}
	}
	return least
}

// debt is what was used beyond what the periods until then allow, but for a
// constant.
func (c cpuSamples) debt(s cpuSample) float64 {
	return float64(s.usage) - c.quota*float64(s.periods)
}

// unlimited reports whether the samples prove that no limit acts, whatever the
// clocks say: CPU time went on growing long after the first quota was used up,
// and not one period passed. A limit that acts lets nobody run then.
func (c cpuSamples) unlimited() bool {
	const (
		sloppy = 100000 // microseconds that ticks and slices of all CPUs may let through
		proof  = 3      // samples; one may have missed a tick that was due
	)
	first, previous, beyond := c.all[0], c.all[0], 0
	for _, s := range c.all[1:] {
		if s.periods != first.periods || s.throttled != first.throttled {
			return false
		}
		if float64(previous.usage-first.usage) > 2*c.quota+sloppy && s.usage > previous.usage {
			beyond++
		}
		previous = s
	}
	return beyond >= proof
}
