package multitenantcgroups

import (
	"context"
	"fmt"
	"path"
	"strconv"
)

// maxForks bounds the processes of a control run.
const maxForks = 8192

// provePids forks twice as many processes as the limit allows: without the
// limit that works, under it fork has to be refused.
func provePids(ctx context.Context, v *verifier, cgroup string, p *Proof, finish func() error) error {
	limit, err := strconv.ParseUint(p.PolicyValue, 10, 64)
	if err != nil {
		return err
	}
	p.Expected = fmt.Sprintf("fork is refused with EAGAIN when pids.current is %d", limit)
	goal := 2*limit + 8
	if goal > maxForks {
		p.Verdict, p.Reason = Inconclusive, fmt.Sprintf("the control run would need %d processes, and more than %d are not tried", goal, maxForks)
		return finish()
	}
	if p.ControlRun, _, err = v.fork(ctx, v.controlCgroup(), v.controlCgroup(), goal, limit); err != nil {
		return fmt.Errorf("control run: %w", err)
	}
	run, before, err := v.fork(ctx, path.Join(cgroup, probeName), cgroup, goal, limit)
	if err != nil {
		return err
	}
	p.Measured = run
	if err := finish(); err != nil {
		return err
	}
	p.Verdict, p.Reason = judgePids(limit, before, run, p.ControlRun)
	return nil
}

// fork runs the workload in work and counts in charged. It also returns how
// many processes were there before the first fork.
func (v *verifier) fork(ctx context.Context, work, charged string, goal, limit uint64) (Run, uint64, error) {
	run := Run{Ran: true, Forks: new(uint64), Processes: new(uint64)}
	before := uint64(1) // the worker itself; the tenant was empty
	spec := WorkloadSpec{Kind: workPids, Amount: goal, Processes: 1}
	err := v.inCgroup(work, spec, func(r *runner) error {
		spent, err := r.until(ctx, func() error { return nil })
		if err != nil {
			return err
		}
		run.DurationNS = spent.Nanoseconds()
		run.Errno, *run.Forks = r.last.Errno, r.last.Forks
		run.Completed = r.last.Done && r.last.Errno == 0
		*run.Processes, err = readNumber(v.tree, charged, "pids.current")
		run.LimitUsed = float64(*run.Processes) / float64(limit)
		return err
	})
	return run, before, err
}
