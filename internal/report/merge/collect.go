package merge

import (
	"fmt"
	"slices"

	"namespaces-cgroups-ebpf/internal/report"
)

// collectKernels joins the rows of each kernel.
func (m *merger) collectKernels() error {
	for _, p := range m.parts {
		for _, k := range p.Report.Kernels {
			i, ok := m.kernels[k.Series]
			if !ok {
				m.kernels[k.Series] = len(m.out.Kernels)
				m.out.Kernels = append(m.out.Kernels, k)
				continue
			}
			row := &m.out.Kernels[i]
			if !m.Force && !sameKernel(*row, k) {
				return fmt.Errorf("%s ran another build of kernel %s than the reports before it (--force joins them)", p.Name, k.Series)
			}
			*row = joinKernels(*row, k)
		}
	}
	return nil
}

// sameKernel compares what is known of both.
func sameKernel(a, b report.Kernel) bool {
	alike := func(x, y string) bool { return x == "" || y == "" || x == y }
	return alike(a.Release, b.Release) && alike(a.PackageVersion, b.PackageVersion) &&
		alike(a.ModulesSHA256, b.ModulesSHA256) && (len(a.Packages) == 0 || len(b.Packages) == 0 || slices.Equal(a.Packages, b.Packages))
}

// joinKernels keeps the worse outcome, and what is known from either.
func joinKernels(a, b report.Kernel) report.Kernel {
	worse, other := a, b
	if b.Outcome.Worse(a.Outcome) {
		worse, other = b, a
	}
	k := worse
	if len(k.Packages) == 0 {
		k.Packages = other.Packages
	}
	for _, field := range []struct {
		to   *string
		from string
	}{
		{&k.Release, other.Release}, {&k.PackageVersion, other.PackageVersion}, {&k.Suite, other.Suite},
		{&k.ImageHash, other.ImageHash}, {&k.ModulesSHA256, other.ModulesSHA256},
		{&k.ShutdownReason, other.ShutdownReason}, {&k.ConsoleLog, other.ConsoleLog},
	} {
		if *field.to == "" {
			*field.to = field.from
		}
	}
	for _, disk := range other.Images {
		if !slices.Contains(k.Images, disk) {
			k.Images = append(slices.Clip(k.Images), disk)
		}
	}
	k.Optional = a.Optional && b.Optional
	k.BootNS, k.ColdBootNS, k.SnapshotNS = max(a.BootNS, b.BootNS), max(a.ColdBootNS, b.ColdBootNS), max(a.SnapshotNS, b.SnapshotNS)
	k.DurationNS, k.AttemptsCount = a.DurationNS+b.DurationNS, a.AttemptsCount+b.AttemptsCount
	if len(k.BootSplats) == 0 {
		k.BootSplats = other.BootSplats
	}
	k.FailedAttempts = slices.Concat(a.FailedAttempts, b.FailedAttempts)
	return k
}

// collectResults refuses a cell that two reports have: which one counts?
func (m *merger) collectResults() error {
	from := map[[2]string]string{}
	for _, p := range m.parts {
		for _, r := range p.Report.Results {
			cell := [2]string{r.Series, r.ID}
			if other, ok := from[cell]; ok {
				return fmt.Errorf("%s and %s both have %s on %s", other, p.Name, r.ID, r.Series)
			}
			from[cell], m.cells[cell] = p.Name, r
		}
	}
	return nil
}

// quotas adds up test time anew: a deliverable's tests may be in several shards.
func (m *merger) quotas() []report.Quota {
	all := []report.Quota{}
	for _, p := range m.parts {
		for _, q := range p.Report.Quota {
			i := slices.IndexFunc(all, func(other report.Quota) bool {
				return other.Deliverable == q.Deliverable && other.Kernel == q.Kernel
			})
			if i < 0 {
				i = len(all)
				all = append(all, report.Quota{Deliverable: q.Deliverable, Kernel: q.Kernel, QuotaNS: q.QuotaNS})
			}
			used := used(p.Report, q)
			all[i].UsedNS += used
			all[i].ReferenceNS += reference(used, p.Report.Run.Slowdown)
			all[i].QuotaNS = min(all[i].QuotaNS, q.QuotaNS)
		}
	}
	for i := range all {
		all[i].Within = all[i].ReferenceNS <= all[i].QuotaNS
	}
	return all
}

func used(r report.Report, q report.Quota) int64 {
	var sum int64
	for _, result := range r.Results {
		if result.Deliverable == q.Deliverable && (result.Kernel == q.Kernel || result.Series == q.Kernel) {
			sum += result.DurationNS
		}
	}
	return sum
}

// reference is what a time would be on the machine that quotas are made for. A
// faster machine is held to the same quota.
func reference(used int64, slowdown float64) int64 {
	return int64(float64(used) / max(slowdown, 1))
}
