package vmtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"time"

	"namespaces-cgroups-ebpf/internal/report"
	"namespaces-cgroups-ebpf/vmtest/internal/kernels"
	"namespaces-cgroups-ebpf/vmtest/internal/plan"
	"namespaces-cgroups-ebpf/vmtest/internal/verdict"
)

// bootAttempts is how often a VM that does not come up is started.
const bootAttempts = 2

// kernelRun runs all jobs on one kernel.
type kernelRun struct {
	*runner
	index  int // of the kernel in the report
	series kernels.Series
	assets *assets
	dir    string // for its outputs
	traces int
}

// kernel runs everything on the i-th kernel. Only a cancelled context is an
// error: whatever else goes wrong is in the report.
func (r *runner) kernel(ctx context.Context, i int) error {
	k := &kernelRun{runner: r, index: i, series: r.series[i], dir: filepath.Join(r.Out, r.series[i].Series)}
	start := time.Now()
	if k.unpack(ctx) {
		k.runAll(ctx)
	}
	r.update(func(rep *Report) { rep.Kernels[i].DurationNS = time.Since(start).Nanoseconds() })
	r.emit(Event{Stage: StageDone, Kernel: k.series.Series, Took: time.Since(start)})
	_ = r.write() // what is there by now; the last write reports the error
	return ctx.Err()
}

// unpack takes the kernel that was fetched and makes what boots from it.
func (k *kernelRun) unpack(ctx context.Context) bool {
	got := k.fetched[k.index]
	if got.err == nil {
		k.record(got.Kernel)
		k.assets, got.err = k.shared.forKernel(ctx, got.Kernel)
	}
	if got.err == nil {
		return true
	}
	k.blameKernel(fetchOutcome(got.err), got.err)
	return false
}

// runAll runs the tests in one VM as long as that lives, and the rest in
// another one. At last those run again that passed in a VM which another test
// took down. Each VM that is lost has settled one test for good, so this ends.
func (k *kernelRun) runAll(ctx context.Context) {
	if err := os.RemoveAll(k.dir); err != nil {
		k.blameKernel(report.Infra, err)
		return
	}
	if err := os.MkdirAll(k.dir, 0o755); err != nil {
		k.blameKernel(report.Infra, err)
		return
	}
	queue := k.entries()
	for failures := 0; len(queue) > 0 && failures < bootAttempts && ctx.Err() == nil; {
		done, again, err := k.runVM(ctx, queue)
		queue = slices.Concat(queue[done:], again)
		if err != nil {
			failures++
		}
	}
}

func (r *runner) entries() []plan.Entry {
	var all []plan.Entry
	for _, p := range r.plans {
		all = append(all, p.Entries...)
	}
	return all
}

// runVM boots a VM, runs entries until they are done or the VM is lost, and
// judges them. It returns how many were judged, and which of them deserve
// another VM; the error is a boot that failed.
func (k *kernelRun) runVM(ctx context.Context, entries []plan.Entry) (done int, again []plan.Entry, err error) {
	end := k.begin(Event{Stage: StageBoot, Kernel: k.series.Series})
	start := time.Now()
	vm, err := boot(ctx, k.assets)
	if err != nil {
		k.bootFailed(entries, err, time.Since(start))
		end(report.Infra, err.Error())
		return 0, nil, err
	}
	defer func() { _ = vm.Close() }()
	end(report.Pass, fmt.Sprintf("%s under %s", vm.Release, vm.Accelerator.Name))
	trace := verdict.Trace{Release: k.assets.kernel.Release, At: time.Now(), Emulated: vm.Accelerator.Name == "tcg", Hello: &vm.session.helloMsg}
	done = k.runEntries(ctx, vm, entries, &trace)
	lost := trace.Fault != ""
	k.stop(ctx, vm, &trace)
	k.booted(vm, trace, k.keep(trace))
	k.judge(entries[:done], trace)
	if lost && len(trace.Runs) > 0 {
		again = passed(entries[:done], trace)
	}
	return done, again, nil
}

// runEntries runs entries in order and returns how many it is done with.
func (k *kernelRun) runEntries(ctx context.Context, vm *VM, entries []plan.Entry, trace *verdict.Trace) int {
	for i, e := range entries {
		if ok, _, err := e.Applies(vm.Release); err != nil || !ok {
			continue
		}
		if ctx.Err() != nil {
			trace.Fault = "interrupted"
			return i
		}
		end := k.begin(Event{Stage: StageTest, Kernel: k.series.Series, Test: e.FullID()})
		run := entryRun{vm: vm, entry: e, seed: k.Seed, dir: filepath.Join(k.dir, e.Deliverable, e.ID)}
		late(vm, trace)
		record, lost := run.run(ctx)
		trace.Runs = append(trace.Runs, record)
		if lost != nil {
			trace.Fault = lost.Error()
			vm.settle()
		}
		end(preview(e, vm, *trace))
		if lost != nil {
			return i + 1
		}
		if spoiled(*trace) {
			return i // it is the first one in the next VM
		}
	}
	return len(entries)
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

// preview judges one record for the live view; the end of the VM may still
// take it back.
func preview(e plan.Entry, vm *VM, t verdict.Trace) (report.Outcome, string) {
	t.Console = vm.Console()
	r := verdict.Preview(e, t)
	if r.Outcome.Green() && t.Fault != "" {
		return report.Lost, t.Fault
	}
	return r.Outcome, r.Reason
}

// stop ends the VM and takes down how it ended.
func (k *kernelRun) stop(ctx context.Context, vm *VM, t *verdict.Trace) {
	if t.Fault == "" {
		if err := vm.Shutdown(context.WithoutCancel(ctx)); err != nil {
			t.Fault = err.Error()
		}
	}
	vm.settle()
	_ = vm.process.Close()
	<-vm.session.ended
	late(vm, t)
	if isClosed(vm.session.done) {
		t.Done = &vm.session.doneMsg
	}
	if cause := vm.session.cause(); errors.Is(cause, errAfterDone) {
		t.Fault = cause.Error()
	}
	t.Shutdown = vm.process.ShutdownReason()
	t.Console = vm.Console()
	if t.Fault != "" {
		t.Fault += "; " + vm.process.Ending()
	}
}

// keep writes the console and the trace beside the outputs, and returns the
// console's name below the output directory.
func (k *kernelRun) keep(t verdict.Trace) string {
	k.traces++
	suffix := ""
	if k.traces > 1 {
		suffix = fmt.Sprintf("-%d", k.traces)
	}
	console := "console" + suffix + ".log"
	_ = os.WriteFile(filepath.Join(k.dir, console), t.Console, 0o644)
	t.Console, t.Fault = nil, k.redacted(t.Fault) // the console is beside it already
	if data, err := json.Marshal(t); err == nil {
		_ = os.WriteFile(filepath.Join(k.dir, "trace"+suffix+".json"), data, 0o644)
	}
	return path.Join(k.series.Series, console)
}

func tail(b []byte, n int) string { return string(b[max(0, len(b)-n):]) }
