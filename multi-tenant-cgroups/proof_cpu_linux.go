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

// patience is how long an unsettled measurement goes on at least. Only a noisy
// machine, or a limit that is narrowly wrong, takes that long.
const patience = 15 * time.Second

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
	if err := v.rest(ctx, cgroup, p.PolicyValue); err != nil {
		return err
	}
	return finish()
}

// rest waits until the kernel counts no more in a cgroup whose workload is
// gone: the last of its use may be charged late on a busy host, and periods and
// throttling go on until all is paid for.
func (v *verifier) rest(ctx context.Context, cgroup, policy string) error {
	_, period, _ := parseCPUMax(policy)
	long := 3 * time.Duration(period) * time.Microsecond
	var last cpuStat
	began := time.Now()
	for moved := began; time.Since(moved) < long && time.Since(began) < patience; {
		var now cpuStat
		if err := now.read(v.tree, cgroup); err != nil {
			return err
		}
		if now != last {
			last, moved = now, time.Now()
		}
		if err := pause(ctx, pollEvery); err != nil {
			return err
		}
	}
	return nil
}

// spinUnderLimit measures until the judge comes to a verdict that more time
// would not change. All windows count together: what one is charged, another
// repays.
func (v *verifier) spinUnderLimit(ctx context.Context, cgroup string, spinners int, p *Proof) error {
	samples := cpuSamples{quota: quotaOf(p.PolicyValue)}
	guard := startSentinel()
	defer guard.end()
	for window := v.opts.Duration; ; window *= 2 {
		if err := v.sample(ctx, cgroup, window, &samples); err != nil {
			return err
		}
		begin, end := samples.edges()
		p.Measured = cpuRun(begin, end, p.PolicyValue, spinners)
		p.Verdict, p.Reason, p.Tolerance = judgeCPU(p.Measured, p.ControlRun, guard.soFar(), samples.unlimited())
		if settled(p) || !exceeds(p.ControlRun) || v.outOfPatience(samples) {
			return nil
		}
	}
}

// sample adds samples until the window is over.
func (v *verifier) sample(ctx context.Context, cgroup string, window time.Duration, samples *cpuSamples) error {
	for end := time.Now().Add(window); ; {
		s := cpuSample{at: time.Now()}
		if err := s.read(v.tree, cgroup); err != nil {
			return err
		}
		samples.all = append(samples.all, s)
		if !time.Now().Before(end) {
			return nil
		}
		if err := pause(ctx, pollEvery); err != nil {
			return err
		}
	}
}

// outOfPatience bounds a measurement that does not settle.
func (v *verifier) outOfPatience(samples cpuSamples) bool {
	spent := samples.all[len(samples.all)-1].at.Sub(samples.all[0].at)
	return spent >= max(7*v.opts.Duration, patience)
}

// settled tells whether a longer measurement could not change the verdict.
func settled(p *Proof) bool {
	return p.Verdict == Pass || p.Verdict == Fail && p.Measured.LimitUsed > 1
}

// spinFreely measures without a limit until one window shows that the machine
// can give more than the limit. A starved window says nothing against that.
func (v *verifier) spinFreely(ctx context.Context, cgroup string, spinners int, p *Proof) error {
	var all cpuSamples
	for window := v.opts.Duration / 2; ; window *= 2 {
		first := len(all.all)
		if err := v.sample(ctx, cgroup, window, &all); err != nil {
			return err
		}
		p.ControlRun = cpuRun(all.all[first], all.all[len(all.all)-1], p.PolicyValue, spinners)
		if exceeds(p.ControlRun) || v.outOfPatience(all) {
			return nil
		}
	}
}

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
func cpuRun(begin, end cpuSample, policy string, spinners int) Run {
	usage, periods, throttled := (end.usage-begin.usage)*1000, end.periods-begin.periods, end.throttled-begin.throttled
	wall := end.at.Sub(begin.at)
	allowed := quotaOf(policy) * 1000 * float64(periods)
	if periods == 0 {
		share, _ := cpuShare(policy)
		allowed = share * float64(wall.Nanoseconds())
	}
	return Run{
		Ran: true, Completed: true, LimitUsed: float64(usage) / allowed, DurationNS: wall.Nanoseconds(),
		UsageNS: &usage, Periods: &periods, Throttled: &throttled, Spinners: &spinners,
	}
}

// quotaOf is what a cpu.max value allows in one period, in microseconds.
func quotaOf(policy string) float64 {
	share, _ := cpuShare(policy)
	_, period, _ := parseCPUMax(policy)
	return share * float64(period)
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
