package merge

import (
	"slices"
	"strings"

	"namespaces-cgroups-ebpf/internal/report"
)

// joinRuns describes all runs as one. Where they differ, the parts tell.
func joinRuns(parts []Part) report.Run {
	run := parts[0].Report.Run
	run.Shard, run.Stages, run.Programs, run.HarnessShareNS = nil, nil, nil, 0
	var versions, qemu, reasons []string
	for _, p := range parts {
		other := p.Report.Run
		if other.StartedAt.Before(run.StartedAt) {
			run.StartedAt = other.StartedAt
		}
		if other.FinishedAt.After(run.FinishedAt) {
			run.FinishedAt = other.FinishedAt
		}
		run.DurationNS = max(run.DurationNS, other.DurationNS)
		run.Slowdown = max(run.Slowdown, other.Slowdown)
		if other.Accelerator.Name == "tcg" { // the one that says less about speed
			run.Accelerator.Name = "tcg"
		}
		if run.Guest == nil {
			run.Guest = other.Guest
		}
		versions, qemu = with(versions, other.HarnessVersion), with(qemu, other.QEMUVersion)
		reasons = with(reasons, other.Accelerator.Reason)
		run.Stages = joinStages(run.Stages, other.Stages)
		run.Programs = joinPrograms(run.Programs, other.Programs)
	}
	run.DurationNS = max(run.DurationNS, run.FinishedAt.Sub(run.StartedAt).Nanoseconds())
	run.HarnessVersion, run.QEMUVersion = strings.Join(versions, ", "), strings.Join(qemu, ", ")
	run.Accelerator.Reason = strings.Join(reasons, "; ")
	return run
}

// joinStages adds up the work; shards run side by side, so the longest counts.
func joinStages(a, b []report.Stage) []report.Stage {
	for _, s := range b {
		i := slices.IndexFunc(a, func(other report.Stage) bool { return other.Name == s.Name })
		if i < 0 {
			a = append(a, s)
			continue
		}
		a[i].BusyNS += s.BusyNS
		a[i].WallNS = max(a[i].WallNS, s.WallNS)
	}
	return a
}

func joinPrograms(a, b []report.Program) []report.Program {
	for _, p := range b {
		if !slices.Contains(a, p) {
			a = append(a, p)
		}
	}
	return a
}
