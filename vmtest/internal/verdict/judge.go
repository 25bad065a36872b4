package verdict

import (
	"fmt"
	"strings"
	"syscall"

	"namespaces-cgroups-ebpf/internal/exitcode"
	"namespaces-cgroups-ebpf/internal/report"
	"namespaces-cgroups-ebpf/vmtest/internal/plan"
	"namespaces-cgroups-ebpf/vmtest/internal/wire"
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
	if s, err := ShippedSplats(); err == nil && r.Outcome == report.Splat {
		_, r.Complaint = complaint(r.Run.Kmsg, s, t.conditions())
	}
	return r
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

// noExit: the guest has gone, or somebody keeps its words from us. A host that
// could not do its part is the likelier cause of the two, a panic aside.
func noExit(_ plan.Entry, t Trace, r *Run) *finding {
	if r.Exit != nil {
		return nil
	}
	gone := t.gone()
	switch {
	case r.Fault != "" && (gone == nil || gone.outcome != report.Panic):
		return found(report.Infra, "%s", r.Fault)
	case gone != nil && gone.outcome == report.Panic:
		return gone
	case gone != nil:
		return found(gone.outcome, "%s, while the test ran%s", gone.reason, t.complained(r))
	case r.TimedOut:
		return found(report.Timeout, "no exit, and the guest no longer obeys: %s", t.fault())
	}
	return found(report.Lost, "no exit record: %s", t.fault())
}

// complained is what the kernel said of a test before the guest was gone.
func (t Trace) complained(r *Run) string {
	if s, err := ShippedSplats(); err == nil {
		if text, _ := complaint(r.Kmsg, s, t.conditions()); text != "" {
			return "; before that: " + text
		}
	}
	return ""
}

// malformed: what our own init sends is in range, so somebody else sent it.
func malformed(_ plan.Entry, _ Trace, r *Run) *finding {
	x := r.Exit
	if x.Code < 0 || x.Code > 255 || x.Signal < 0 || x.Signal > 64 || x.StdoutBytes < 0 || x.StderrBytes < 0 || x.DurationNS < 0 {
		return found(report.Lost, "exit record is malformed: code %d, signal %d, %d ns, %d bytes of stdout, %d of stderr",
			x.Code, x.Signal, x.DurationNS, x.StdoutBytes, x.StderrBytes)
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
	s, err := ShippedSplats()
	if err != nil {
		return found(report.Infra, "%v", err)
	}
	if text, _ := complaint(r.Kmsg, s, t.conditions()); text != "" {
		return found(report.Splat, "%s", text)
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

// leftovers make a pass, or a result that was only too noisy, a failure. Who
// failed by itself is told that first.
func leftovers(e plan.Entry, t Trace, r *Run) *finding {
	left := leftBehind(*r.Exit)
	if left == "" {
		return nil
	}
	if f := status(e, t, r); f != nil && f.outcome == report.Fail {
		return found(report.Fail, "%s; %s", f.reason, left)
	}
	return found(report.Fail, "%s", left)
}

func leftBehind(x wire.Exit) string {
	var parts []string
	if len(x.Leftover) > 0 {
		parts = append(parts, "left processes behind: "+strings.Join(x.Leftover, ", "))
	}
	if len(x.LeftBehind) > 0 {
		parts = append(parts, "left behind: "+strings.Join(x.LeftBehind, ", "))
	}
	return strings.Join(parts, "; ")
}

func status(e plan.Entry, _ Trace, r *Run) *finding {
	x := r.Exit
	switch {
	case x.Signal != 0:
		return found(report.Fail, "killed by signal %d (%v)%s", x.Signal, syscall.Signal(x.Signal), killedForMemory(r))
	case x.Code == exitcode.Pass:
		return nil
	case e.Result == plan.ResultGoTest:
		return found(report.Fail, "exit status %d%s", x.Code, failedTests(r.Stdout))
	case x.Code == exitcode.Inconclusive:
		return found(report.Inconclusive, "exit status %d", x.Code)
	}
	return found(report.Fail, "exit status %d", x.Code)
}

// killedForMemory adds the kernel's reason to a SIGKILL.
func killedForMemory(r *Run) string {
	if line := oomLine(r.Kmsg); line != "" && r.Exit.Signal == int(syscall.SIGKILL) {
		return ": " + line
	}
	return ""
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

// Preview judges one entry while its VM still runs. The end of the VM may
// take a pass back.
func Preview(e plan.Entry, t Trace) Result { return judgeEntry(e, t) }
