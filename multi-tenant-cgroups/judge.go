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

// quietGap is the lateness of the sentinel up to which a run counts as quiet.
const quietGap = 100 * time.Millisecond

// How many periods it takes to say that a limit holds, and that it does not:
// fewer are all edges.
const (
	minPeriods     = 4
	minPeriodsFail = 10
)

// Bounds of used/allowed CPU time, measured on 5.10 to 7.2 under emulation. In
// noise use stays below the limit: of the periods that a stall skips, the
// kernel counts all and grants one.
var (
	exactTolerance = Tolerance{Low: 1, High: 1}
	quietTolerance = Tolerance{Low: 0.80, High: 1.10}
	noisyTolerance = Tolerance{Low: 0.50, High: 1.25}
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
// for it. Too much is a fail, in noise too, once it is more than stalls can
// explain; unlimited says that the samples prove that no limit acts. Too little
// is a fail only where nothing but another limit can be the reason.
func judgeCPU(run, control Run, noise stalls, unlimited bool) (Verdict, string, Tolerance) {
	quiet := noise.worst <= quietGap && noise.total.Nanoseconds() <= run.DurationNS/10
	tolerance, share := quietTolerance, uint64(2) // throttled in one of so many periods
	if !quiet {
		tolerance, share = noisyTolerance, 4
	}
	throttled := share**run.Throttled >= *run.Periods && *run.Throttled > 0
	switch {
	case unlimited:
		return Fail, fmt.Sprintf("used %.2f times what the limit allows, and no period of the limit passed meanwhile", run.LimitUsed), tolerance
	case !exceeds(control):
		return Inconclusive, "the control run could not exceed the limit either, so nothing was proved", tolerance
	case *run.Periods < minPeriods:
		return Inconclusive, fmt.Sprintf("used %.2f of what the limit allows in %d periods, too few to tell", run.LimitUsed, *run.Periods), tolerance
	case throttled && run.LimitUsed >= tolerance.Low && run.LimitUsed <= tolerance.High:
		return Pass, "CPU time was what the limit allows; without the limit it was more", tolerance
	case *run.Periods >= minPeriodsFail && run.LimitUsed > quietTolerance.High+owed(run, noise):
		return Fail, fmt.Sprintf("used %.2f times what the limit allows, throttled in %d of %d periods", run.LimitUsed, *run.Throttled, *run.Periods), tolerance
	case !quiet || run.LimitUsed > tolerance.High:
		return Inconclusive, fmt.Sprintf("used %.2f of what the limit allows on a noisy machine", run.LimitUsed), tolerance
	case !throttled && run.LimitUsed < tolerance.Low:
		return Inconclusive, "the workload was not throttled and did not get to the limit: the CPUs were busy", tolerance
	}
	return Fail, fmt.Sprintf("used %.2f of what the limit allows", run.LimitUsed), tolerance
}

// owed is how much of Run.LimitUsed may be stalls that are not repaid yet, and
// periods that the edges cut: two of them, all that the sentinel noticed, and
// as much as counts as quiet, since another CPU may stand still unnoticed.
func owed(run Run, noise stalls) float64 {
	allowed := float64(*run.UsageNS) / run.LimitUsed
	return 2/float64(*run.Periods) + float64((noise.total+quietGap).Nanoseconds())/allowed
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

// judgeDrift makes it a fail that the kernel holds another value than the
// policy, whatever the behaviour: one that fits by chance is no proof, and noise
// is no excuse.
func judgeDrift(p *Proof) {
	if (p.Verdict == Pass || p.Verdict == Inconclusive) && p.KernelValue != p.PolicyValue {
		p.Verdict = Fail
		p.Reason = fmt.Sprintf("the kernel holds %q, not what the policy says", p.KernelValue)
	}
}
