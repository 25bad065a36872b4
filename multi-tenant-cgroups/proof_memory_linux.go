package multitenantcgroups

import (
	"context"
	"fmt"
	"path"
	"strconv"

	"golang.org/x/sys/unix"
)

// memoryReach is how far beyond the limit the workload goes, at least, in bytes.
const memoryReach = 8 << 20

// proveMemory touches and locks an eighth more than the limit, and memoryReach
// on top: without the limit that works, under it the kernel has to kill the
// workload.
func proveMemory(ctx context.Context, v *verifier, cgroup string, p *Proof, finish func() error) error {
	limit, err := strconv.ParseUint(p.PolicyValue, 10, 64)
	if err != nil {
		return err
	}
	goal := (limit + limit/8 + memoryReach + chunk - 1) / chunk * chunk
	p.Tolerance = Tolerance{Low: 0, High: 1}
	p.Expected = fmt.Sprintf("a workload that locks %d bytes is killed before more than %d are resident, and oom_kill grows", goal, limit)
	if free := freeMemory(); goal > free-free/4 {
		p.Verdict, p.Reason = Inconclusive, fmt.Sprintf("the control run needs %d bytes, and the machine has %d to spare", goal, free)
		return finish()
	}
	if p.ControlRun, err = v.touch(ctx, v.controlCgroup(), v.controlCgroup(), goal, limit); err != nil {
		return fmt.Errorf("control run: %w", err)
	}
	if p.Measured, err = v.touch(ctx, path.Join(cgroup, probeName), cgroup, goal, limit); err != nil {
		return err
	}
	if err := finish(); err != nil {
		return err
	}
	p.Verdict, p.Reason = judgeMemory(limit, p.Measured, p.ControlRun, growth(p.Evidence, "memory.events", "oom_kill"))
	return nil
}

// touch runs the workload in work and watches memory.current of charged, which
// is work or the cgroup above that has the limit.
func (v *verifier) touch(ctx context.Context, work, charged string, goal, limit uint64) (Run, error) {
	run := Run{Ran: true, Touched: new(uint64), Peak: new(uint64), Locked: new(bool)}
	spec := WorkloadSpec{Kind: workMemory, Amount: goal, Processes: 1}
	err := v.inCgroup(work, spec, func(r *runner) error {
		spent, err := r.until(ctx, func() error {
			current, err := readNumber(v.tree, charged, "memory.current")
			*run.Peak = max(*run.Peak, current)
			return err
		})
		run.DurationNS = spent.Nanoseconds()
		run.Completed, run.Signal = r.last.Done, r.last.Signal
		*run.Touched, *run.Locked = r.last.Touched, r.last.Locked
		run.LimitUsed = float64(*run.Touched) / float64(limit)
		return err
	})
	return run, err
}

// freeMemory is what could be used without swapping out much, in bytes. Caches
// are left out of account: rather no proof than a machine under pressure.
func freeMemory() uint64 {
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return 0
	}
	return (uint64(info.Freeram) + uint64(info.Bufferram)) * uint64(info.Unit)
}
