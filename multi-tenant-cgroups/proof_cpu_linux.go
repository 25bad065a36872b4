package multitenantcgroups

import (
	"context"
	"fmt"
	"math"
	"path"
	"runtime"
	"strconv"
	"time"
)

const (
	// firstThrottle bounds the wait for the first throttling: what a spinner
	// uses before that belongs to a period that began without it.
	firstThrottle = time.Second
	// moreWindows is how often an unsettled measurement goes on for twice as long.
	moreWindows = 2
)

// proveCPU spins in as many processes as it takes to exceed the limit by half.
// The yardstick is quota x nr_periods and not the wall clock: in a virtual
// machine the two drift apart by a quarter.
func proveCPU(ctx context.Context, v *verifier, cgroup string, p *Proof, finish func() error) error {
	share, _ := cpuShare(p.PolicyValue)
	p.Tolerance = quietTolerance
	p.Expected = fmt.Sprintf("processes that never sleep get %.3f CPUs and are throttled in most periods", share)
	spinners := min(runtime.NumCPU(), int(math.Floor(1.5*share))+1)
	if float64(spinners) < 1.25*share {
		p.Verdict, p.Reason = Inconclusive, fmt.Sprintf("%d CPUs are too few to exceed a limit of %.3f", runtime.NumCPU(), share)
		return finish()
	}
	spec := WorkloadSpec{Kind: workCPU, Processes: spinners}
	err := v.inCgroup(v.controlCgroup(), spec, func(*runner) error {
		return v.spinFreely(ctx, v.controlCgroup(), spinners, p)
	})
	if err != nil {
		return fmt.Errorf("control run: %w", err)
	}
	err = v.inCgroup(path.Join(cgroup, probeName), spec, func(*runner) error {
		return v.spinUnderLimit(ctx, cgroup, spinners, p)
	})
	if err != nil {
		return err
	}
	return finish()
}

// spinUnderLimit measures until the judge comes to a verdict. All windows
// count together: a stall is charged to one and repaid in the next.
func (v *verifier) spinUnderLimit(ctx context.Context, cgroup string, spinners int, p *Proof) error {
	if err := v.awaitThrottle(ctx, cgroup); err != nil {
		return err
	}
	start, begin, window := time.Now(), cpuStat{}, v.opts.Duration
	if err := begin.read(v.tree, cgroup); err != nil {
		return err
	}
	guard := startSentinel()
	var gap time.Duration
	for turn := 0; ; turn++ {
		if err := pause(ctx, window); err != nil {
			guard.end()
			return err
		}
		end := cpuStat{}
		if err := end.read(v.tree, cgroup); err != nil {
			guard.end()
			return err
		}
		gap = max(gap, guard.end())
		p.Measured = cpuRun(begin, end, time.Since(start), p.PolicyValue, spinners)
		p.Verdict, p.Reason, p.Tolerance = judgeCPU(p.Measured, p.ControlRun, gap)
		if settled(p) || turn == moreWindows || !exceeds(p.ControlRun) {
			return nil
		}
		window, guard = 2*window, startSentinel()
	}
}

// settled tells whether a longer measurement could not change the verdict. The
// window's two edges cut periods: in ten of them that alone is a tenth of what
// was allowed, so a narrow miss goes on until there are more periods.
func settled(p *Proof) bool {
	switch p.Verdict {
	case Pass:
		return true
	case Fail:
		return p.Measured.LimitUsed > noisyTolerance.High
	}
	return false
}

func (v *verifier) awaitThrottle(ctx context.Context, cgroup string) error {
	var first, now cpuStat
	if err := first.read(v.tree, cgroup); err != nil {
		return err
	}
	for end := time.Now().Add(firstThrottle); time.Now().Before(end); {
		if err := now.read(v.tree, cgroup); err != nil {
			return err
		}
		if now.throttled > first.throttled {
			return nil
		}
		if err := pause(ctx, pollEvery); err != nil {
			return err
		}
	}
	return nil
}

// spinFreely measures without a limit until one window shows that the machine
// can give more than the limit. A starved window says nothing against that.
func (v *verifier) spinFreely(ctx context.Context, cgroup string, spinners int, p *Proof) error {
	window := v.opts.Duration / 2
	for turn := 0; ; turn++ {
		var begin, end cpuStat
		if err := begin.read(v.tree, cgroup); err != nil {
			return err
		}
		start := time.Now()
		if err := pause(ctx, window); err != nil {
			return err
		}
		if err := end.read(v.tree, cgroup); err != nil {
			return err
		}
		p.ControlRun = cpuRun(begin, end, time.Since(start), p.PolicyValue, spinners)
		if exceeds(p.ControlRun) || turn == moreWindows {
			return nil
		}
		window *= 2
	}
}

// cpuStat holds the counters of cpu.stat that matter here.
type cpuStat struct{ usage, periods, throttled uint64 } // usage in microseconds

func (c *cpuStat) read(tree Tree, cgroup string) error {
	values, err := readCounters(tree, cgroup, evidenceOf[CPUMax])
	if err != nil {
		return err
	}
	number := func(key string) uint64 {
		n, _ := strconv.ParseUint(values[counterKey{"cpu.stat", key}], 10, 64)
		return n
	}
	c.usage, c.periods, c.throttled = number("usage_usec"), number("nr_periods"), number("nr_throttled")
	return nil
}

// cpuRun relates the use to what the policy allows: per period where the
// kernel counts periods, else by the wall clock.
func cpuRun(begin, end cpuStat, wall time.Duration, policy string, spinners int) Run {
	usage, periods, throttled := (end.usage-begin.usage)*1000, end.periods-begin.periods, end.throttled-begin.throttled
	share, _ := cpuShare(policy)
	_, period, _ := parseCPUMax(policy)
	allowed := share * float64(period) * 1000 * float64(periods)
	if periods == 0 {
		allowed = share * float64(wall.Nanoseconds())
	}
	return Run{
		Ran: true, Completed: true, LimitUsed: float64(usage) / allowed, DurationNS: wall.Nanoseconds(),
		UsageNS: &usage, Periods: &periods, Throttled: &throttled, Spinners: &spinners,
	}
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
