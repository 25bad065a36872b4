package vmtest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
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
			Host: report.Host{
				Kernel: release, Arch: runtime.GOARCH, CPUCount: runtime.NumCPU(), MemoryBytes: meminfo("MemTotal"),
			},
			Accelerator: report.Accelerator{Name: "none", Reason: "not chosen yet"},
			Guest:       &report.Guest{MemoryBytes: r.MemoryBytes, CPUCount: r.CPUs, KernelArgs: r.KernelArgs, Modules: r.Modules},
		},
		Kernels: []report.Kernel{}, Results: []report.Result{}, Quota: []report.Quota{},
	}
	for _, s := range r.series {
		r.report.Kernels = append(r.report.Kernels, report.Kernel{
			Series: s.Series, Optional: s.Optional, Outcome: report.Lost, Reason: "not reached", Packages: []report.Package{},
		})
	}
	for _, c := range r.cells {
		r.report.Results = append(r.report.Results, r.planned(r.series[c.kernel], c.entry))
	}
	if r.Shard != (Shard{}) {
		r.report.Run.Shard, r.report.Run.Planned = &r.Shard, r.whole()
	}
	_ = r.write()
}

// whole is what all shards together have to show.
func (r *runner) whole() *report.Planned {
	planned := &report.Planned{}
	series, _ := selectSeries(r.Config, r.Kernels) // as pick did
	for _, s := range series {
		planned.Series = append(planned.Series, s.Series)
	}
	for _, p := range r.plans {
		for _, e := range p.Entries {
			planned.Tests = append(planned.Tests, e.FullID())
		}
	}
	return planned
}

func (r *runner) planned(s kernels.Series, e plan.Entry) report.Result {
	return report.Result{
		ID: e.FullID(), Deliverable: e.Deliverable, Entry: e.ID, Kernel: s.Series, Series: s.Series,
		Outcome: report.Lost, Reason: neverRan, Artifacts: []report.Artifact{}, Reproduce: r.reproduce(s, e),
	}
}

// neverRan is the reason of a cell that the run has not come to.
const neverRan = "never ran"

// reproduce is the command that runs a cell again as it was.
func (r *runner) reproduce(s kernels.Series, e plan.Entry) string {
	command := fmt.Sprintf("bin/vmtest run --kernels %s --tests %s --tier %s --seed %d", kernelArg(s), e.FullID(), r.Tier, r.Seed)
	if r.Accelerator != "" && r.Accelerator != "auto" {
		command += " --accel " + r.Accelerator
	}
	if r.Cold {
		command += " --cold"
	}
	return command + r.guestFlags()
}

// guestFlags are the flags for a guest that is not the usual one.
func (r *runner) guestFlags() (flags string) {
	if r.MemoryBytes != DefaultMemoryBytes {
		flags += fmt.Sprintf(" --memory %dM", r.MemoryBytes>>20)
	}
	if r.CPUs != DefaultCPUs {
		flags += fmt.Sprintf(" --cpus %d", r.CPUs)
	}
	if len(r.KernelArgs) > 0 {
		flags += " --append '" + strings.ReplaceAll(strings.Join(r.KernelArgs, " "), "'", `'\''`) + "'"
	}
	for _, name := range r.Modules {
		flags += " --module " + name
	}
	return flags
}

// kernelArg names a kernel on a command line. A directory of this machine
// stays out of it: then the short name has to do.
func kernelArg(s kernels.Series) string {
	spec := s.Source()
	if strings.HasPrefix(spec, "/") || strings.ContainsAny(spec, "' ") || strings.Contains(spec, ":/") && !strings.Contains(spec, "://") || strings.Contains(spec, "=/") {
		return s.Series
	}
	if strings.ContainsAny(spec, "#?&*;") {
		return "'" + spec + "'"
	}
	return spec
}

func (r *runner) update(change func(*Report)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change(&r.report)
	r.dirty = true
}

// provenance takes down what is known once the shared parts are there.
func (r *runner) provenance(shared *assets) {
	version := qemu.Version()
	r.update(func(rep *Report) {
		rep.Run.QEMUVersion = version
		rep.Run.Accelerator = report.Accelerator{Name: shared.accelerator.Name, Reason: shared.accelerator.Reason}
		for _, c := range r.cells {
			row, name := &rep.Kernels[c.kernel], c.entry.Needs.Image
			disk := report.Image{Name: name, Hash: r.images[name].image.Hash}
			if !slices.Contains(row.Images, disk) {
				row.Images = append(row.Images, disk)
			}
			row.ImageHash = row.Images[0].Hash
		}
	})
}

// blame gives everything the same reason: nothing was booted.
func (r *runner) blame(err error) {
	r.update(func(rep *Report) {
		for i := range rep.Kernels {
			rep.Kernels[i].Outcome, rep.Kernels[i].Reason = report.Infra, err.Error()
		}
		for i := range rep.Results {
			rep.Results[i].Outcome, rep.Results[i].Reason = report.Infra, err.Error()
			rep.Results[i].FailedStage = string(StageImage)
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

// booted takes down how a VM came up.
func (r *cellRun) booted(vm *VM) {
	if cold, now := vm.coldBoot(); now && vm.Accelerator.Name == "tcg" {
		r.speed.atLeast(cold.Seconds() / referenceBoot.Seconds())
	}
	if vm.SaveDuration > 0 {
		r.stages.spent(StageSnapshot, vm.SaveDuration)
	}
	r.update(func(rep *Report) {
		row := &rep.Kernels[r.kernel]
		row.AttemptsCount++
		if row.Outcome != report.Pass {
			row.Outcome, row.Reason, row.BootNS = report.Pass, r.fetched[r.kernel].Note, vm.BootDuration.Nanoseconds()
		}
		if vm.Note != "" {
			row.Reason = vm.Note
		}
		if cold, _ := vm.coldBoot(); row.ColdBootNS == 0 {
			row.ColdBootNS = cold.Nanoseconds()
		}
		row.SnapshotNS = max(row.SnapshotNS, vm.SaveDuration.Nanoseconds())
		// KVM that was chosen and did not bring up a guest was not used.
		if a := vm.Accelerator; a.Name != rep.Run.Accelerator.Name {
			rep.Run.Accelerator = report.Accelerator{Name: a.Name, Reason: a.Reason}
		}
	})
}

// coldBoot is what the boot took that the VM stands on, and whether that was
// now, or when its snapshot was made by an earlier run.
func (vm *VM) coldBoot() (took time.Duration, now bool) {
	if vm.Restored {
		return vm.ColdBootDuration, vm.SaveDuration > 0
	}
	return vm.BootDuration, true
}

// complained takes down what the kernel said before there was a test.
func (r *cellRun) complained(splats []string) {
	if len(splats) == 0 {
		return
	}
	r.update(func(rep *Report) {
		row := &rep.Kernels[r.kernel]
		if len(row.BootSplats) == 0 {
			row.BootSplats = splats
			row.Reason = strings.TrimPrefix(row.Reason+"; complained while it booted: "+splats[0], "; ")
		}
	})
}

// bootFailed takes down a VM that did not come up.
func (r *cellRun) bootFailed(trace verdict.Trace, console string, took time.Duration) {
	r.update(func(rep *Report) {
		row := &rep.Kernels[r.kernel]
		row.AttemptsCount++
		row.FailedAttempts = append(row.FailedAttempts, report.Attempt{Outcome: report.Infra, Reason: trace.Fault, DurationNS: took.Nanoseconds()})
		if row.Outcome != report.Pass {
			row.Outcome, row.Reason = report.Infra, trace.Fault
		}
		row.ShutdownReason, row.ConsoleLog = trace.Shutdown, console
	})
}

// finish takes down the end of the run.
func (r *runner) finish(ctx context.Context) {
	if r.overQuota() {
		r.measure(ctx) // the machine may have become slower than it was at the start
	}
	took := time.Since(r.started)
	r.update(func(rep *Report) {
		rep.Run.FinishedAt, rep.Run.DurationNS = time.Now().UTC(), took.Nanoseconds()
		rep.Run.Stages = r.stages.report()
		rep.Run.HarnessShareNS = (took - r.stages.occupied(StageTest)).Nanoseconds()
		for i := range rep.Results {
			if res := &rep.Results[i]; ctx.Err() != nil && res.Reason == neverRan {
				res.Reason = neverRan + ": " + errInterrupted.Error()
			}
		}
	})
}

func (r *runner) overQuota() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.ContainsFunc(r.quotas(), func(q report.Quota) bool { return !q.Within })
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
	// A machine that is slower by a measured ratio may take that much longer.
	q.ReferenceNS = int64(float64(q.UsedNS) / max(rep.Run.Slowdown, 1))
	q.Within = q.ReferenceNS <= q.QuotaNS
	return q, true
}

// reportEvery is how often the report is written while it changes.
const reportEvery = time.Second

// writeOften keeps the report on disk up to date until the function that it
// returns is called.
func (r *runner) writeOften() (stop func()) {
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(reportEvery)
		defer tick.Stop()
		for {
			select {
			case <-quit:
				return
			case <-tick.C:
				if r.changed() {
					_ = r.write() // what is there by now; the last write reports the error
				}
			}
		}
	}()
	return func() { close(quit); <-done }
}

func (r *runner) changed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.dirty
}

// write puts the report on disk as it is now. Paths of this machine stay out
// of it.
func (r *runner) write() error {
	defer r.stages.enter(StageReport)()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.dirty = false
	r.report.Quota = r.quotas()
	r.report.Summarize()
	r.redact()
	return report.Write(r.Out, r.report)
}
