package vmtest

import (
	"path"

	"namespaces-cgroups-ebpf/internal/report"
	"namespaces-cgroups-ebpf/vmtest/internal/plan"
	"namespaces-cgroups-ebpf/vmtest/internal/verdict"
	"namespaces-cgroups-ebpf/vmtest/internal/wire"
)

// What the report says of who could have forged a result.
const (
	trustConfined  = "confined"
	trustGuestRoot = "guest-root"
)

// judge gives the cell the verdict on its VM's trace.
func (r *cellRun) judge(t verdict.Trace, stats report.VMStats) report.Result {
	console := r.store(t, "")
	v := verdict.Judge([]plan.Entry{r.entry}, t)[0]
	result := r.settle(r.cell, func(res *report.Result) {
		res.ConsoleLog, res.VM = console, &stats
		r.fill(res, v)
		r.explain(res, v, t)
	})
	r.update(func(rep *Report) { rep.Kernels[r.kernel].ShutdownReason = t.Shutdown })
	r.remember(result)
	return result
}

// fill copies a verdict and its record into a result.
func (r *cellRun) fill(res *report.Result, v verdict.Result) {
	res.Outcome, res.Reason = v.Outcome, v.Reason
	if v.Run == nil {
		return
	}
	res.DurationNS = v.Run.DurationNS
	res.Kmsg = blamed(v)
	if res.Trust = trustConfined; r.entry.Needs.Root {
		res.Trust = trustGuestRoot
	}
	if r.entry.Result == plan.ResultGoTest {
		res.Tests = goTests(v.Run.Stdout)
	}
	if x := v.Run.Exit; x != nil {
		fillExit(res, *x)
	}
	looked := map[string]verdict.Artifact{}
	for _, a := range v.Run.Artifacts {
		looked[a.Path] = a
	}
	res.Artifacts = []report.Artifact{}
	for _, want := range r.entry.Artifacts {
		res.Artifacts = append(res.Artifacts, artifact(*res, want, looked[want.Path]))
	}
}

// goTests lists the Go tests of an entry. Their names and words come from the
// guest.
func goTests(stdout []byte) []report.Test {
	tests := verdict.Tests(stdout)
	for i := range tests {
		tests[i].Reason = printable(tests[i].Reason)
	}
	return tests
}

// explain adds what a person needs to see why a result is none to be happy
// with, before looking at any log.
func (r *cellRun) explain(res *report.Result, v verdict.Result, t verdict.Trace) {
	if res.Outcome.Green() {
		return
	}
	res.FailedStage = string(stageOf(v))
	if v.Run != nil {
		res.OutputTail = r.outputTail(*v.Run)
	}
	switch res.Outcome {
	case report.Panic, report.Splat, report.Lost, report.Timeout, report.Infra:
		res.ConsoleTail = tailLines(t.Console, maxConsoleTail)
	}
}

// stageOf is where it went wrong: a test that has ended and whose VM then went
// away was lost at the end.
func stageOf(v verdict.Result) Stage {
	if v.Outcome == report.Lost && v.Run != nil && v.Run.Exit != nil {
		return StageTeardown
	}
	return StageTest
}

// fillExit takes only what is in range: the record comes from the guest.
func fillExit(r *report.Result, x wire.Exit) {
	if x.Signal > 0 && x.Signal <= 64 {
		r.Signal = x.Signal
	} else if x.Error == "" && x.Code >= 0 && x.Code <= 255 {
		r.ExitCode = &x.Code
	}
	r.Truncated = x.Truncated
	r.StdoutBytes, r.StderrBytes = max(0, x.StdoutBytes), max(0, x.StderrBytes)
}

// maxKmsg bounds the kernel log lines of a result.
const maxKmsg = 100

// blamed returns the kernel's complaint and what follows it.
func blamed(v verdict.Result) []string {
	var lines []string
	for _, line := range v.Complaint[:min(len(v.Complaint), maxKmsg)] {
		lines = append(lines, line.Text)
	}
	return lines
}

// artifact reports what the plan wants, also if nobody has looked at it.
func artifact(r report.Result, want plan.Artifact, got verdict.Artifact) report.Artifact {
	out := report.Artifact{Path: want.Path, Schema: want.Schema}
	if got.Report == nil {
		return out
	}
	out.Present, out.Validation, out.SHA256 = true, got.Report, got.Report.SHA256
	out.Stored = path.Join(r.Series, r.Deliverable, r.Entry, "artifacts", want.Path)
	if want.Path == plan.Stdout {
		out.Stored = path.Join(r.Series, r.Deliverable, r.Entry, "stdout.log")
	}
	return out
}
