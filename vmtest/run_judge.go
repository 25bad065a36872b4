package vmtest

import (
	"path"

	"namespaces-cgroups-ebpf/internal/report"
	"namespaces-cgroups-ebpf/vmtest/internal/plan"
	"namespaces-cgroups-ebpf/vmtest/internal/verdict"
	"namespaces-cgroups-ebpf/vmtest/internal/wire"
)

// judge replaces the jobs' results by their verdicts.
func (k *kernelRun) judge(entries []plan.Entry, t verdict.Trace) {
	verdicts := verdict.Judge(entries, t)
	k.update(func(rep *Report) {
		for _, v := range verdicts {
			for i := range rep.Results {
				if rep.Results[i].Series == k.series.Series && rep.Results[i].ID == v.ID {
					k.fill(&rep.Results[i], v)
				}
			}
		}
	})
}

// fill copies a verdict and its record into a result.
func (k *kernelRun) fill(r *report.Result, v verdict.Result) {
	r.Outcome, r.Reason = v.Outcome, v.Reason
	if v.Run == nil {
		return
	}
	r.DurationNS = v.Run.DurationNS
	r.Kmsg = blamed(v)
	if x := v.Run.Exit; x != nil {
		fillExit(r, *x)
	}
	looked := map[string]verdict.Artifact{}
	for _, a := range v.Run.Artifacts {
		looked[a.Path] = a
	}
	r.Artifacts = []report.Artifact{}
	for _, e := range k.entries() {
		if e.FullID() != r.ID {
			continue
		}
		for _, want := range e.Artifacts {
			r.Artifacts = append(r.Artifacts, artifact(*r, want, looked[want.Path]))
		}
	}
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
