package vmtest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"namespaces-cgroups-ebpf/internal/buildinfo"
	"namespaces-cgroups-ebpf/internal/kernel"
	"namespaces-cgroups-ebpf/internal/report"
	"namespaces-cgroups-ebpf/vmtest/internal/kernels"
	"namespaces-cgroups-ebpf/vmtest/internal/plan"
	"namespaces-cgroups-ebpf/vmtest/internal/qemu"
	"namespaces-cgroups-ebpf/vmtest/internal/verdict"
)

// lockOut makes the output directory ours alone.
func lockOut(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make output directory: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, ".lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("lock output directory: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("output directory %s is used by another run (choose another one with --out)", dir)
	}
	return f, nil
}

// seedReport fills the report with every planned test as lost, and writes it:
// a harness that dies leaves no green behind.
func (r *runner) seedReport() {
	release, _ := kernel.Release()
	r.report = Report{
		Schema: report.Schema,
		Run: report.Run{
			StartedAt: r.started.UTC(), FinishedAt: r.started.UTC(), Tier: r.Tier, Seed: fmt.Sprint(r.Seed),
			HarnessVersion: buildinfo.Version(), QEMUVersion: "unknown",
			Host:        report.Host{Kernel: release, Arch: runtime.GOARCH, CPUCount: runtime.NumCPU()},
			Accelerator: report.Accelerator{Name: "none", Reason: "not chosen yet"},
		},
		Kernels: []report.Kernel{}, Results: []report.Result{}, Quota: []report.Quota{},
	}
	for _, s := range r.series {
		r.report.Kernels = append(r.report.Kernels, report.Kernel{
			Series: s.Series, Optional: s.Optional, Outcome: report.Lost, Reason: "not reached", Packages: []report.Package{},
		})
		for _, e := range r.entries() {
			r.report.Results = append(r.report.Results, r.planned(s.Series, e))
		}
	}
	_ = r.write()
}

func (r *runner) planned(series string, e plan.Entry) report.Result {
	id := e.FullID()
	return report.Result{
		ID: id, Deliverable: e.Deliverable, Entry: e.ID, Kernel: series, Series: series,
		Outcome: report.Lost, Reason: "never ran", Artifacts: []report.Artifact{},
		Reproduce: fmt.Sprintf("bin/vmtest run --kernels %s --tests %s --tier %s --seed %d", series, id, r.Tier, r.Seed),
	}
}

func (r *runner) update(change func(*Report)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change(&r.report)
}

// provenance takes down what is known once the shared parts are there.
func (r *runner) provenance() {
	version := qemu.Version()
	r.update(func(rep *Report) {
		rep.Run.QEMUVersion = version
		rep.Run.Accelerator = report.Accelerator{Name: r.shared.accelerator.Name, Reason: r.shared.accelerator.Reason}
		for i := range rep.Kernels {
			rep.Kernels[i].ImageHash = r.shared.image.Hash
		}
	})
}

// blame gives every kernel and result the same outcome and reason.
func (r *runner) blame(o report.Outcome, err error) {
	r.update(func(rep *Report) {
		for i := range rep.Kernels {
			rep.Kernels[i].Outcome, rep.Kernels[i].Reason = o, err.Error()
		}
		for i := range rep.Results {
			rep.Results[i].Outcome, rep.Results[i].Reason = o, err.Error()
		}
	})
}

// blameKernel does so for one kernel's results that have no verdict yet.
func (k *kernelRun) blameKernel(o report.Outcome, err error) {
	k.update(func(rep *Report) {
		rep.Kernels[k.index].Outcome, rep.Kernels[k.index].Reason = o, err.Error()
		for i := range rep.Results {
			if rep.Results[i].Series == k.series.Series && rep.Results[i].Outcome == report.Lost {
				rep.Results[i].Outcome, rep.Results[i].Reason = o, err.Error()
			}
		}
	})
}

// record takes down where the kernel came from.
func (k *kernelRun) record(got kernels.Kernel) {
	k.update(func(rep *Report) {
		row := &rep.Kernels[k.index]
		row.Release, row.PackageVersion, row.Suite, row.Reason = got.Release, got.Version, got.Suite, "not booted"
		for _, p := range got.Packages {
			row.Packages = append(row.Packages, report.Package{Name: p.Name, Version: p.Version, SHA256: p.SHA256, Source: p.Source})
		}
		for i := range rep.Results {
			if rep.Results[i].Series == k.series.Series {
				rep.Results[i].Kernel = got.Release
			}
		}
	})
}

// booted takes down how the VM came up and went down.
func (k *kernelRun) booted(vm *VM, t verdict.Trace, console string) {
	k.update(func(rep *Report) {
		row := &rep.Kernels[k.index]
		row.AttemptsCount++
		row.Outcome, row.Reason, row.BootNS = report.Pass, k.assets.kernel.Note, vm.BootDuration.Nanoseconds()
		if ending := t.Ending(); ending != "" {
			row.Outcome, row.Reason = report.Lost, ending
			row.FailedAttempts = append(row.FailedAttempts, report.Attempt{Outcome: report.Lost, Reason: ending, DurationNS: time.Since(vm.began).Nanoseconds()})
		}
		row.ShutdownReason, row.ConsoleLog = t.Shutdown, console
		// KVM that was chosen and did not bring up a guest was not used.
		if a := vm.Accelerator; a.Name != rep.Run.Accelerator.Name {
			rep.Run.Accelerator = report.Accelerator{Name: a.Name, Reason: a.Reason}
		}
	})
}

// bootFailed judges a VM that never came up, keeping its console.
func (k *kernelRun) bootFailed(entries []plan.Entry, err error, took time.Duration) {
	trace := verdict.Trace{Release: k.assets.kernel.Release, Fault: err.Error()}
	var b *bootError
	if errors.As(err, &b) {
		trace.Console, trace.Shutdown = b.console, b.reason
		if len(b.stderr) > 0 {
			trace.Fault += "; qemu: " + tail(b.stderr, 300)
		}
	}
	console := k.keep(trace)
	k.judge(entries, trace)
	k.update(func(rep *Report) {
		row := &rep.Kernels[k.index]
		row.AttemptsCount++
		row.FailedAttempts = append(row.FailedAttempts, report.Attempt{Outcome: report.Infra, Reason: trace.Fault, DurationNS: took.Nanoseconds()})
		row.Outcome, row.Reason = report.Infra, trace.Fault
		row.ShutdownReason, row.ConsoleLog = trace.Shutdown, console
	})
}

// finish takes down the end of the run.
func (r *runner) finish() {
	r.update(func(rep *Report) {
		rep.Run.FinishedAt = time.Now().UTC()
		rep.Run.DurationNS = time.Since(r.started).Nanoseconds()
	})
}

// quotas adds up the test time of each deliverable on each kernel.
func (r *runner) quotas() []report.Quota {
	all := []report.Quota{}
	for _, k := range r.report.Kernels {
		for _, p := range r.plans {
			if q, ok := quota(r.report, k, p, r.Tier); ok {
				all = append(all, q)
			}
		}
	}
	return all
}

// quota adds up the test time of one deliverable on one kernel. The full tier
// has none.
func quota(rep Report, k report.Kernel, p plan.Plan, tier string) (report.Quota, bool) {
	limit, ok := plan.Quota(p.Deliverable)
	if !ok || tier != plan.TierDefault {
		return report.Quota{}, false
	}
	q := report.Quota{Deliverable: p.Deliverable, Kernel: k.Release, QuotaNS: limit.Nanoseconds()}
	if q.Kernel == "" {
		q.Kernel = k.Series
	}
	for _, r := range rep.Results {
		if r.Series == k.Series && r.Deliverable == p.Deliverable {
			q.UsedNS += r.DurationNS
		}
	}
	q.Within = q.UsedNS <= q.QuotaNS
	return q, true
}

// write puts the report on disk as it is now. Paths of this machine stay out
// of it.
func (r *runner) write() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.report.Quota = r.quotas()
	r.report.Summarize()
	r.redact()
	return report.Write(r.Out, r.report)
}
