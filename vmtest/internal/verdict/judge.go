package verdict

import (
	"fmt"
	"strings"
	"syscall"

	"namespaces-cgroups-ebpf/internal/exitcode"
	"namespaces-cgroups-ebpf/internal/report"
	"namespaces-cgroups-ebpf/vmtest/internal/plan"
)

// finding is an outcome that differs from a pass; nil means go on looking.
type finding struct {
	outcome report.Outcome
	reason  string
}

func found(o report.Outcome, format string, args ...any) *finding {
	return &finding{o, fmt.Sprintf(format, args...)}
}

// Judge returns one Result per entry, in the entries' order. IDs of entries
// must be unique.
func Judge(entries []plan.Entry, t Trace) []Result {
	results := make([]Result, 0, len(entries))
	ending := t.Ending()
	for _, e := range entries {
		r := judgeEntry(e, t)
		// A skip that the test itself asked for is a result of the run as well.
		if r.Outcome.Green() && r.Run != nil && ending != "" {
			r.Outcome, r.Reason = report.Lost, ending
		}
		results = append(results, r)
	}
	return results
}

func judgeEntry(e plan.Entry, t Trace) Result {
	r := Result{ID: e.FullID(), Outcome: report.Pass}
	f := t.boot()
	if f == nil {
		f = applies(e, t)
	}
	if f == nil {
		r.Run, f = t.record(e.FullID())
	}
	if f == nil {
		f = judgeRun(e, t, r.Run)
	}
	if f != nil {
		r.Outcome, r.Reason = f.outcome, f.reason
	}
	return r
}

// boot finds out whether there was a VM at all. Whatever happened before the
// beacon is our fault, a panic included.
func (t Trace) boot() *finding {
	switch {
	case t.Hello == nil && panicLine(t.Console) != "":
		return found(report.Infra, "kernel panic before init: %s", panicLine(t.Console))
	case t.Hello == nil:
		return found(report.Infra, "init never answered: %s", t.fault())
	case t.Hello.Release != t.Release:
		return found(report.Infra, "booted %s, want %s", t.Hello.Release, t.Release)
	}
	return nil
}

// applies skips an entry that the kernel is too old for.
func applies(e plan.Entry, t Trace) *finding {
	ok, reason, err := e.Applies(t.Hello.Release)
	switch {
	case err != nil:
		return found(report.Infra, "%v", err)
	case !ok && t.count(e.FullID()) > 0:
		return found(report.Infra, "ran although it does not apply: %s", reason)
	case !ok:
		return found(report.Skip, "%s", reason)
	}
	return nil
}

func (t Trace) count(id string) int {
	n := 0
	for _, r := range t.Runs {
		if r.ID == id {
			n++
		}
	}
	return n
}

// record returns the one record of an entry.
func (t Trace) record(id string) (*Run, *finding) {
	switch n := t.count(id); {
	case n > 1:
		return nil, found(report.Lost, "recorded %d times", n)
	case n == 0:
		return nil, found(report.Lost, "never ran: %s", t.fault())
	}
	for i := range t.Runs {
		if t.Runs[i].ID == id {
			return &t.Runs[i], nil
		}
	}
	return nil, nil
}

// judgeRun looks at one record, gravest first.
func judgeRun(e plan.Entry, t Trace, r *Run) *finding {
	checks := []func(plan.Entry, Trace, *Run) *finding{
		noExit, malformed, timedOut, splat, hostFault, notStarted, leftovers, status, tooMuch, logLost, goTests, refused, artifacts,
	}
	for _, check := range checks {
		if f := check(e, t, r); f != nil {
			return f
		}
	}
	return nil
}

func noExit(_ plan.Entry, t Trace, r *Run) *finding {
	if r.Exit != nil {
		return nil
	}
	if line := panicLine(t.Console); line != "" {
		return found(report.Panic, "%s", line)
	}
	if r.Fault != "" {
		return found(report.Infra, "%s", r.Fault)
	}
	if r.TimedOut {
		return found(report.Timeout, "no exit, and the guest no longer obeys: %s", t.fault())
	}
	return found(report.Lost, "no exit record: %s", t.fault())
}

// malformed: what our own init sends is in range, so somebody else sent it.
func malformed(_ plan.Entry, _ Trace, r *Run) *finding {
	x := r.Exit
	if x.Code < 0 || x.Code > 255 || x.Signal < 0 || x.Signal > 64 || x.StdoutBytes < 0 || x.StderrBytes < 0 {
		return found(report.Lost, "exit record is malformed: code %d, signal %d, %d bytes of stdout, %d of stderr",
			x.Code, x.Signal, x.StdoutBytes, x.StderrBytes)
	}
	return nil
}

func timedOut(e plan.Entry, _ Trace, r *Run) *finding {
	if r.TimedOut {
		return found(report.Timeout, "still running after %v", e.Timeout())
	}
	return nil
}

func splat(_ plan.Entry, t Trace, r *Run) *finding {
	if line := splatLine(r.Kmsg, t.Emulated); line != "" {
		return found(report.Splat, "%s", line)
	}
	return nil
}

func hostFault(_ plan.Entry, _ Trace, r *Run) *finding {
	if r.Fault != "" {
		return found(report.Infra, "%s", r.Fault)
	}
	return nil
}

// notStarted: the program comes from our own payload, so this is our fault.
func notStarted(_ plan.Entry, _ Trace, r *Run) *finding {
	if r.Exit.Error != "" {
		return found(report.Infra, "not started: %s", r.Exit.Error)
	}
	return nil
}

func leftovers(_ plan.Entry, _ Trace, r *Run) *finding {
	if len(r.Exit.Leftover) > 0 {
		return found(report.Fail, "left processes behind: %s", strings.Join(r.Exit.Leftover, ", "))
	}
	return nil
}

func status(e plan.Entry, _ Trace, r *Run) *finding {
	x := r.Exit
	switch {
	case x.Signal != 0:
		return found(report.Fail, "killed by signal %d (%v)", x.Signal, syscall.Signal(x.Signal))
	case x.Code == exitcode.Pass:
		return nil
	case e.Result == plan.ResultGoTest:
		return found(report.Fail, "exit status %d%s", x.Code, failedTests(r.Stdout))
	case x.Code == exitcode.Inconclusive:
		return found(report.Inconclusive, "exit status %d", x.Code)
	}
	return found(report.Fail, "exit status %d", x.Code)
}

func tooMuch(_ plan.Entry, _ Trace, r *Run) *finding {
	if r.Exit.Truncated {
		return found(report.Fail, "output over the limit: %d bytes of stdout, %d of stderr", r.Exit.StdoutBytes, r.Exit.StderrBytes)
	}
	return nil
}

// logLost: a splat may be among the lines that are not there.
func logLost(_ plan.Entry, _ Trace, r *Run) *finding {
	if r.KmsgLostCount > 0 {
		return found(report.Lost, "%d lines of the kernel log were lost", r.KmsgLostCount)
	}
	return nil
}

// refused: an entry must not leave more than can be kept, nor remove VMTEST_OUT.
func refused(_ plan.Entry, _ Trace, r *Run) *finding {
	if r.Refused != "" {
		return found(report.Fail, "artifacts cannot be taken: %s", r.Refused)
	}
	return nil
}

func artifacts(e plan.Entry, _ Trace, r *Run) *finding {
	byPath := map[string]Artifact{}
	for _, a := range r.Artifacts {
		byPath[a.Path] = a
	}
	for _, want := range e.Artifacts {
		a, ok := byPath[want.Path]
		switch {
		case !ok:
			return found(report.Lost, "artifact %s was not looked at", want.Path)
		case a.Missing:
			return found(report.Fail, "artifact %s is missing", want.Path)
		case a.Report == nil:
			return found(report.Lost, "artifact %s was not validated", want.Path)
		case !a.Report.OK():
			return found(report.Fail, "artifact %s is not valid %s: %s", want.Path, want.Schema, firstProblem(a))
		case a.Report.Against != want.Schema:
			return found(report.Lost, "artifact %s was validated against %s, want %s", want.Path, a.Report.Against, want.Schema)
		}
	}
	return nil
}

func firstProblem(a Artifact) string {
	if len(a.Report.Problems) == 0 {
		return "it holds no record"
	}
	p := a.Report.Problems[0]
	return fmt.Sprintf("%s: %s", p.Instance, p.Message)
}

// Ending returns why the VM's end takes back every pass, or "" for a session
// that was closed in order by a guest that then shut itself down.
func (t Trace) Ending() string {
	switch exits := t.exits(); {
	case t.Hello == nil:
		return "init never answered: " + t.fault()
	case panicLine(t.Console) != "":
		return "kernel panic at the end: " + panicLine(t.Console)
	case t.Done == nil:
		return "no done frame: " + t.fault()
	case t.Fault != "":
		return "session broke: " + t.Fault
	case t.Done.Runs != exits:
		return fmt.Sprintf("guest counts %d runs, host recorded %d", t.Done.Runs, exits)
	case t.Shutdown != "guest-shutdown":
		return fmt.Sprintf("guest did not shut down properly (reason %q)", t.Shutdown)
	}
	return ""
}

// exits counts the runs of which the guest reported the end.
func (t Trace) exits() int {
	n := 0
	for _, r := range t.Runs {
		if r.Exit != nil {
			n++
		}
	}
	return n
}

func (t Trace) fault() string {
	if t.Fault != "" {
		return t.Fault
	}
	return fmt.Sprintf("no reason recorded (shutdown %q)", t.Shutdown)
}

// Preview judges one entry while its VM still runs. The end of the VM may
// take a pass back.
func Preview(e plan.Entry, t Trace) Result { return judgeEntry(e, t) }
