package multitenantcgroups

import (
	"fmt"
	"syscall"
	"time"
)

// The judges are pure functions over what was measured. One rule is common to
// all: a limit that was exceeded is a fail, whatever else went wrong; a limit
// that seems to hold is a pass only if the control run exceeded it.

// memorySlack is how far memory.current may be above memory.max: the kernel
// charges in batches of 64 pages per CPU.
const memorySlack = 256 << 10

// unthrottled is how much of the limit may be used without throttling to show
// for it. More would be a limit that does not act, however noisy the machine:
// noise takes CPU time away. The slack is for clocks, which differ by up to a
// quarter under emulation.
const unthrottled = 1.3

// quietGap is the lateness of the sentinel up to which a run counts as quiet.
const quietGap = 100 * time.Millisecond

// Bounds of used/allowed CPU time, measured on 5.10 to 7.2 under emulation.
var (
	exactTolerance = Tolerance{Low: 1, High: 1}
	quietTolerance = Tolerance{Low: 0.80, High: 1.10}
	noisyTolerance = Tolerance{Low: 0.70, High: 1.25}
)

// judgeMemory wants the workload killed before more than limit bytes were
// resident. oomKills is how much oom_kill of the tenant's memory.events grew.
func judgeMemory(limit uint64, run, control Run, oomKills uint64) (Verdict, string) {
	switch {
	case *run.Locked && *run.Touched > limit:
		return Fail, fmt.Sprintf("%d bytes were resident, and the limit is %d", *run.Touched, limit)
	case *run.Peak > limit+memorySlack:
		return Fail, fmt.Sprintf("memory.current reached %d, and the limit is %d", *run.Peak, limit)
	case !control.Ran || !control.Completed:
		return Inconclusive, "the control run could not exceed the limit either, so nothing was proved"
	case *run.Locked && run.Completed:
		return Fail, "the workload did all its work under the limit"
	case run.Completed:
		return Pass, "memory stayed below the limit: the kernel swapped out the rest"
	case run.Signal != int(syscall.SIGKILL):
		return Inconclusive, "the workload was neither killed nor did it get beyond the limit in time"
	case oomKills == 0:
		return Inconclusive, "the workload was killed, but not by the limit: oom_kill did not change"
	}
	return Pass, "the workload was killed at the limit; without the limit it went on"
}

// judgePids wants fork refused with EAGAIN when exactly limit processes are
// there; before is how many were there at the start, the workload included.
func judgePids(limit, before uint64, run, control Run) (Verdict, string) {
	want := max(limit, before) - before
	switch {
	case *run.Processes > max(limit, before) || *run.Forks > want:
		return Fail, fmt.Sprintf("%d processes were there after %d forks, and the limit is %d", *run.Processes, *run.Forks, limit)
	case !control.Ran || !control.Completed:
		return Inconclusive, "the control run could not exceed the limit either, so nothing was proved"
	case run.Errno == 0:
		return Inconclusive, "fork was not refused in time"
	case run.Errno != int(syscall.EAGAIN):
		return Inconclusive, fmt.Sprintf("fork gave errno %d, not EAGAIN", run.Errno)
	case *run.Forks < want:
		return Inconclusive, fmt.Sprintf("fork was refused after %d of %d: another limit came first (above the tenant, RLIMIT_NPROC or threads-max)", *run.Forks, want)
	}
	return Pass, "fork was refused with EAGAIN at the limit; without the limit it went on"
}

// judgeCPU wants CPU time to be what the quota allows, with throttling to show
// for it. In noise the bounds are wider, and what lies outside proves nothing,
// except use far beyond the limit without throttling.
func judgeCPU(run, control Run, gap time.Duration) (Verdict, string, Tolerance) {
	tolerance := quietTolerance
	if gap > quietGap {
		tolerance = noisyTolerance
	}
	throttled := 2**run.Throttled >= *run.Periods && *run.Throttled > 0
	switch {
	case !throttled && run.LimitUsed > unthrottled:
		return Fail, fmt.Sprintf("used %.2f times what the limit allows, and was not throttled", run.LimitUsed), tolerance
	case !exceeds(control):
		return Inconclusive, "the control run could not exceed the limit either, so nothing was proved", tolerance
	case throttled && run.LimitUsed >= tolerance.Low && run.LimitUsed <= tolerance.High:
		return Pass, "CPU time was what the limit allows; without the limit it was more", tolerance
	case gap > quietGap:
		return Inconclusive, fmt.Sprintf("used %.2f of what the limit allows on a noisy machine", run.LimitUsed), tolerance
	case !throttled && run.LimitUsed < tolerance.Low:
		return Inconclusive, "the workload was not throttled and did not get to the limit: the CPUs were busy", tolerance
	}
	return Fail, fmt.Sprintf("used %.2f of what the limit allows", run.LimitUsed), tolerance
}

// exceeds reports whether a control run of CPU time got well beyond the limit.
// Half as much again is too much to ask where the limit is nearly all that the
// machine has, which is when more than one process has to spin.
func exceeds(control Run) bool {
	need := 1.5
	if control.Spinners != nil && *control.Spinners > 1 {
		need = 1.25
	}
	return control.Ran && control.LimitUsed >= need
}

// judgeDrift turns a pass into a fail if the kernel holds another value than
// the policy: behaviour that fits by chance is no proof.
func judgeDrift(p *Proof) {
	if p.Verdict == Pass && p.KernelValue != p.PolicyValue {
		p.Verdict = Fail
		p.Reason = fmt.Sprintf("the kernel holds %q, not what the policy says", p.KernelValue)
	}
}
