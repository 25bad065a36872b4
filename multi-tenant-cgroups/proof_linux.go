package multitenantcgroups

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"strconv"
	"time"
)

var errNotExist = fs.ErrNotExist

// stallDeadline is how long a workload may go on without getting any further.
// It is long because a stall of the whole machine is charged to the tenant: at a
// quota of 30 % the kernel makes it wait for three times as long.
const stallDeadline = 45 * time.Second

// pollEvery is how often a running workload is looked at. Looking costs the
// workload time where CPUs are few.
const pollEvery = 20 * time.Millisecond

// proofs holds one function per control. Each runs the control run and the
// probe, calls finish once both have ended, and sets the verdict.
var proofs = map[string]func(ctx context.Context, v *verifier, cgroup string, p *Proof, finish func() error) error{
	MemoryMax: proveMemory,
	PidsMax:   provePids,
	CPUMax:    proveCPU,
}

// inCgroup makes a cgroup for one workload, runs it there, and takes both down
// again: the cgroup first, since killing it ends what the workload forked.
func (v *verifier) inCgroup(cgroup string, spec WorkloadSpec, measure func(*runner) error) error {
	if err := v.tree.Create(cgroup); err != nil {
		return err
	}
	err := v.runner.admit(v.tree, cgroup, spec)
	if err == nil {
		err = v.runner.ask(commandGo)
	}
	if err == nil {
		err = measure(v.runner)
	}
	if err = errors.Join(err, v.tree.Destroy(cgroup)); err != nil {
		return err
	}
	return v.runner.ask(commandStop)
}

// controlCgroup is where control runs happen: next to the tenants.
func (v *verifier) controlCgroup() string { return path.Join(v.policy.Root, controlName) }

// until polls the workload until it is done, has ended, or gets no further.
// look is called on each turn, the last one included.
func (r *runner) until(ctx context.Context, look func() error) (time.Duration, error) {
	start := time.Now()
	moved, reached := start, uint64(0)
	for {
		if err := errors.Join(r.ask(commandStat), look()); err != nil {
			return 0, err
		}
		if now := r.last.Touched + r.last.Forks; now > reached {
			moved, reached = time.Now(), now
		}
		if r.last.Done || r.last.Ended || time.Since(moved) > stallDeadline {
			return time.Since(start), nil
		}
		if err := pause(ctx, pollEvery); err != nil {
			return 0, err
		}
	}
}

// readNumber reads a file that holds one number.
func readNumber(tree Tree, cgroup, file string) (uint64, error) {
	content, err := tree.Read(cgroup, file)
	if err != nil {
		return 0, err
	}
	return strconv.ParseUint(content, 10, 64)
}
