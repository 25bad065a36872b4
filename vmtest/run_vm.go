package vmtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"time"

	"namespaces-cgroups-ebpf/internal/report"
	"namespaces-cgroups-ebpf/vmtest/internal/plan"
	"namespaces-cgroups-ebpf/vmtest/internal/verdict"
)

// bootAttempts is how often a VM that does not come up is started.
const bootAttempts = 2

// referenceBoot is what a cold boot under emulation takes on the machine that
// budgets are made for. One that takes longer tells that this one is slower.
const referenceBoot = 8 * time.Second

// cellRun is one cell in its VM.
type cellRun struct {
	*kernelRun
	cell
	key      string // of its verdict, see ground
	dir      string // for its outputs
	attempts int
}

// runCell runs one cell to its result, unless the run is interrupted: then it
// has none.
func (k *kernelRun) runCell(ctx context.Context, c cell) {
	r := &cellRun{kernelRun: k, cell: c, key: k.key(c), dir: filepath.Join(k.dir, c.entry.Deliverable, c.entry.ID)}
	if err := freshDir(r.dir); err != nil {
		k.giveUp(append(k.queue.down(c.variant()), c), report.Infra, StageBoot, needRoom(err))
		return
	}
	vm := r.boot(ctx)
	if vm == nil {
		return
	}
	defer func() { _ = vm.Close() }()
	r.entry.TimeoutNS = k.speed.scale(r.entry.Timeout()).Nanoseconds()
	r.test(ctx, vm)
}

// boot brings up the cell's VM. If it does not come up, the cell is settled,
// and so is all that waits for the first VM of this variant.
func (r *cellRun) boot(ctx context.Context) *VM {
	for {
		r.attempts++
		began := time.Now()
		vm, err := r.bootOnce(ctx)
		switch {
		case err == nil:
			r.queue.up(r.variant())
			return vm
		case ctx.Err() != nil:
			r.queue.down(r.variant()) // so that nobody waits for it
			return nil
		}
		trace := failedBoot(r.fetched[r.kernel].Release, err)
		console := r.store(trace, fmt.Sprintf("-boot-%d", r.attempts))
		r.bootFailed(trace, console, time.Since(began))
		if r.attempts == bootAttempts {
			r.neverUp(trace, console)
			return nil
		}
	}
}

func (r *cellRun) bootOnce(ctx context.Context) (*VM, error) {
	e := r.event(StageBoot)
	e.Begin = true
	r.emit(e)
	leave := r.stages.enter(StageBoot)
	a, err := r.assetsFor(ctx, r.cell)
	var vm *VM
	if err == nil {
		vm, err = r.bootVM(ctx, a)
	}
	e.Begin, e.Took, e.Outcome, e.Text = false, leave(), outcomeOf(err), text(err)
	if err == nil {
		r.booted(vm)
		r.complained(vm.bootSplats())
		e.Text = howUp(vm)
		e.Minor = vm.Restored && vm.SaveDuration == 0
	}
	r.emit(e)
	return vm, err
}

// howUp says in words how a VM came up.
func howUp(vm *VM) string {
	text := fmt.Sprintf("%s under %s", vm.Release, vm.Accelerator.Name)
	switch {
	case vm.SaveDuration > 0:
		text += fmt.Sprintf(", saved; restored in %v", vm.BootDuration.Round(10*time.Millisecond))
	case vm.Note != "":
		text += ", " + vm.Note
	}
	return text
}

// event is a step of this cell.
func (r *cellRun) event(s Stage) Event {
	return Event{Stage: s, Kernel: r.series.Series, Test: r.entry.FullID(), Settled: r.progress(), Total: r.total}
}

// neverUp settles the cell, and what waits for the same VM to come up.
func (r *cellRun) neverUp(trace verdict.Trace, console string) {
	v := verdict.Judge([]plan.Entry{r.entry}, trace)[0]
	waiting := r.queue.down(r.variant())
	r.settle(r.cell, func(res *report.Result) {
		res.Outcome, res.Reason, res.FailedStage = v.Outcome, v.Reason, string(StageBoot)
		res.ConsoleLog, res.ConsoleTail = console, tailLines(trace.Console, maxConsoleTail)
	})
	if r.told(); len(waiting) > 0 {
		r.giveUp(waiting, v.Outcome, StageBoot, errors.New(v.Reason))
	}
}

// failedBoot is the trace of a VM that never came up.
func failedBoot(release string, err error) verdict.Trace {
	trace := verdict.Trace{Release: release, At: time.Now(), Fault: err.Error()}
	var b *bootError
	if errors.As(err, &b) {
		trace.Console, trace.Shutdown, trace.Silence = b.console, b.reason, b.silence
		if len(b.stderr) > 0 {
			trace.Fault += "; qemu: " + tail(b.stderr, 300)
		}
	}
	return trace
}

// test runs the cell's entry in its VM, ends the VM and judges both.
func (r *cellRun) test(ctx context.Context, vm *VM) {
	e := r.event(StageTest)
	e.Begin = true
	r.emit(e)
	trace := vm.newTrace()
	leave := r.stages.enter(StageTest)
	record := r.runEntry(ctx, vm, &trace)
	leave()
	leave = r.stages.enter(StageTeardown)
	stats := r.stop(ctx, vm, &trace)
	stats.TeardownNS = leave().Nanoseconds()
	if ctx.Err() != nil && trace.Fault != "" {
		trace.Fault = errInterrupted.Error()
	}
	result := r.judge(trace, stats)
	e.Begin, e.Outcome, e.Text, e.Took = false, result.Outcome, result.Reason, time.Duration(record.DurationNS)
	e.Settled = r.progress()
	r.emit(e)
	r.told()
}

// runEntry records the entry, unless it does not apply to the kernel that
// came up.
func (r *cellRun) runEntry(ctx context.Context, vm *VM, trace *verdict.Trace) verdict.Run {
	if ok, _, err := r.entry.Applies(vm.Release); err != nil || !ok {
		return verdict.Run{}
	}
	vm.session.takeKmsg() // of the boot: nothing has run yet
	run := entryRun{vm: vm, entry: r.entry, seed: r.Seed, modules: r.Modules, dir: r.dir}
	record, lost := run.run(ctx)
	trace.Runs = append(trace.Runs, record)
	if lost != nil {
		trace.Fault = lost.Error()
		vm.settle()
	}
	return record
}

// late charges what the kernel logged after the end of a test to that test:
// nothing else has run since.
func late(vm *VM, t *verdict.Trace) {
	lines, lost := vm.session.takeKmsg()
	if len(t.Runs) == 0 {
		return
	}
	last := &t.Runs[len(t.Runs)-1]
	last.Kmsg = append(last.Kmsg, lines...)
	last.KmsgLostCount += lost
}

// stop ends the VM and takes down how it ended.
func (r *cellRun) stop(ctx context.Context, vm *VM, t *verdict.Trace) report.VMStats {
	stats := report.VMStats{
		Restored: vm.Restored, BootNS: vm.BootDuration.Nanoseconds(),
		QEMUPeakRSSBytes: vm.PeakRSSBytes(), AttemptsCount: r.attempts,
	}
	if t.Fault == "" {
		if err := vm.Shutdown(context.WithoutCancel(ctx)); err != nil {
			t.Fault = err.Error()
		}
	}
	vm.settle()
	_ = vm.process.Close()
	<-vm.session.ended
	late(vm, t)
	vm.end(t)
	return stats
}

// store writes the console and the trace beside the outputs, and returns the
// console's name below the output directory.
func (r *cellRun) store(t verdict.Trace, suffix string) string {
	console := "console" + suffix + ".log"
	_ = os.WriteFile(filepath.Join(r.dir, console), t.Console, 0o644)
	t.Console, t.Fault = nil, r.redacted(t.Fault) // the console is beside it already
	if data, err := json.Marshal(t); err == nil {
		_ = os.WriteFile(filepath.Join(r.dir, "trace"+suffix+".json"), data, 0o644)
	}
	return path.Join(r.series.Series, r.entry.Deliverable, r.entry.ID, console)
}

func tail(b []byte, n int) string { return string(b[max(0, len(b)-n):]) }
