package vmtest

import (
	"encoding/json"
	"fmt"
	"slices"

	"namespaces-cgroups-ebpf/internal/buildinfo"
	"namespaces-cgroups-ebpf/internal/report"
	"namespaces-cgroups-ebpf/vmtest/internal/kernels"
	"namespaces-cgroups-ebpf/vmtest/internal/plan"
)

// ground is everything that a verdict stands on. A run with the same ground
// would come to the same verdict, as far as tests are deterministic.
type ground struct {
	Harness     string
	Init        string // SHA-256 of the program that is PID 1
	Programs    []report.Program
	Entry       plan.Entry
	Kernel      string // what the cache calls it
	Release     string
	KernelSum   string
	Packages    []kernels.Package
	ImageHash   string
	Accelerator string
	MemoryBytes int64
	CPUs        int
	KernelArgs  []string
	Modules     []string
	Cold        bool
	Seed        uint64
	Tier        string
}

// key is the hash of a cell's ground.
func (k *kernelRun) key(c cell) string {
	kernel := k.fetched[k.index]
	shared := k.images[c.entry.Needs.Image]
	data, err := json.Marshal(ground{
		Harness: buildinfo.Version(), Init: k.initSum, Programs: k.programsOf(c.entry.Deliverable), Entry: c.entry,
		Kernel: kernel.ID, Release: kernel.Release, KernelSum: kernel.ImageSHA256, Packages: kernel.Packages,
		ImageHash: shared.image.Hash, Accelerator: shared.accelerator.Name,
		MemoryBytes: k.MemoryBytes, CPUs: k.CPUs, KernelArgs: k.KernelArgs, Modules: k.Modules, Cold: k.Cold, Seed: k.Seed, Tier: k.Tier,
	})
	if err != nil {
		panic(fmt.Sprintf("encode ground: %v", err)) // plain data
	}
	return sumOf(data)
}

// programsOf is what a deliverable's entries run.
func (r *runner) programsOf(deliverable string) []report.Program {
	names := plan.Plan{Deliverable: deliverable}.Programs()
	var own []report.Program
	for _, p := range r.programs {
		if slices.Contains(names, p.Name) {
			own = append(own, p)
		}
	}
	return own
}

// keep settles a cell that the run which is resumed has settled already.
func (k *kernelRun) keep(c cell) bool {
	if !k.Resume {
		return false
	}
	kept, ok := k.journal.kept[k.key(c)]
	if !ok {
		return false
	}
	kept.Resumed = true
	k.settle(c, func(r *report.Result) { *r = kept })
	return true
}

// remember puts a verdict in the journal, for a run that resumes this one.
// What was our fault is tried again then.
func (r *cellRun) remember(result report.Result) {
	if result.Outcome.Harness() {
		return
	}
	r.redactResult(&result)
	_ = r.journal.add(journalLine{Schema: journalSchema, Key: r.key, Seed: fmt.Sprint(r.Seed), Result: result})
}
