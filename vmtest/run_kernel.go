package vmtest

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"time"

	"namespaces-cgroups-ebpf/internal/report"
	"namespaces-cgroups-ebpf/vmtest/internal/kernels"
)

// kernelRun is one kernel of a run, and what its cells share.
type kernelRun struct {
	*runner
	index  int // of the kernel in the report
	series kernels.Series
	dir    string // for its outputs
	total  int    // its cells

	making sync.Mutex // of assets
	base   *assets
	assets map[variant]*assets

	counting sync.Mutex
	settled  int
	ended    bool
	began    time.Time
}

// open takes the kernels that were fetched, settles the cells that need no VM
// (their kernel is not to be had, or too old for them, or their verdict is
// kept), and returns the others.
func (r *runner) open() []cell {
	for i, s := range r.series {
		r.kernels = append(r.kernels, &kernelRun{
			runner: r, index: i, series: s, dir: filepath.Join(r.Out, s.Series), assets: map[variant]*assets{}, began: time.Now(),
		})
	}
	for _, c := range r.cells {
		r.kernels[c.kernel].total++
	}
	var waiting []cell
	for _, k := range r.kernels {
		waiting = append(waiting, k.open()...)
	}
	return waiting
}

func (k *kernelRun) open() []cell {
	got := k.fetched[k.index]
	if got.err == nil {
		k.record(got.Kernel)
		got.err = k.clear()
	}
	if got.err != nil {
		k.giveUp(k.own(), fetchOutcome(got.err), StageFetch, got.err)
		return nil
	}
	var waiting []cell
	for _, c := range k.own() {
		if !k.skip(c) && !k.keep(c) {
			waiting = append(waiting, c)
		}
	}
	if len(waiting) == 0 {
		k.update(func(rep *Report) {
			rep.Kernels[k.index].Outcome, rep.Kernels[k.index].Reason = report.Pass, "not booted: no test had to run"
		})
		k.told()
	}
	return waiting
}

// clear removes what an earlier run has left in the kernel's directory, unless
// its verdicts may be kept.
func (k *kernelRun) clear() error {
	if k.Resume {
		return os.MkdirAll(k.dir, 0o755)
	}
	return freshDir(k.dir)
}

// own lists the kernel's cells.
func (k *kernelRun) own() []cell {
	var own []cell
	for _, c := range k.cells {
		if c.kernel == k.index {
			own = append(own, c)
		}
	}
	return own
}

// skip settles a cell whose entry is not for this kernel. The release is that
// of the kernel's package; every VM that comes up has said that it is its own.
func (k *kernelRun) skip(c cell) bool {
	applies, reason, err := c.entry.Applies(k.fetched[k.index].Release)
	if applies || err != nil {
		return false // the guest itself is asked
	}
	k.settle(c, func(r *report.Result) { r.Outcome, r.Reason = report.Skip, reason })
	return true
}

// assetsFor is what the VMs of a cell's variant boot from. The kernel's part
// is made at the first call.
func (k *kernelRun) assetsFor(ctx context.Context, c cell) (*assets, error) {
	k.making.Lock()
	defer k.making.Unlock()
	if a := k.assets[c.variant()]; a != nil {
		return a, nil
	}
	shared := k.images[c.entry.Needs.Image]
	if k.base == nil {
		base, err := shared.forKernel(ctx, k.fetched[k.index].Kernel)
		if err != nil {
			return nil, err
		}
		k.base = base
	}
	own := *k.base
	own.config, own.image = shared.config, shared.image
	own.config.System = c.entry.Needs.Init
	own.config.MemoryBytes = max(own.config.MemoryBytes, c.entry.Needs.MemoryBytes)
	own.initramfs = sync.OnceValues(own.buildInitramfs)
	k.assets[c.variant()] = &own
	return &own, nil
}

// settle gives a cell its result.
func (k *kernelRun) settle(c cell, change func(*report.Result)) report.Result {
	var result report.Result
	k.update(func(rep *Report) {
		change(&rep.Results[c.result])
		result = rep.Results[c.result]
	})
	k.counting.Lock()
	defer k.counting.Unlock()
	k.settled++
	return result
}

// told ends a kernel whose cells are all settled, once it was told how.
func (k *kernelRun) told() {
	k.counting.Lock()
	last := k.settled == k.total && !k.ended
	k.ended = k.ended || last
	k.counting.Unlock()
	if !last {
		return
	}
	took := time.Since(k.began)
	k.update(func(rep *Report) { rep.Kernels[k.index].DurationNS = took.Nanoseconds() })
	k.emit(Event{Stage: StageDone, Kernel: k.series.Series, Took: took, Settled: k.total, Total: k.total})
}

// progress is the count of settled cells.
func (k *kernelRun) progress() int {
	k.counting.Lock()
	defer k.counting.Unlock()
	return k.settled
}

// giveUp settles cells that get no VM.
func (k *kernelRun) giveUp(cells []cell, o report.Outcome, stage Stage, err error) {
	k.update(func(rep *Report) {
		if row := &rep.Kernels[k.index]; row.Outcome != report.Pass {
			row.Outcome, row.Reason = o, err.Error()
		}
	})
	for _, c := range cells {
		k.settle(c, func(r *report.Result) {
			r.Outcome, r.Reason, r.FailedStage = o, err.Error(), string(stage)
		})
	}
	k.told()
}
