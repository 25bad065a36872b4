package vmtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"namespaces-cgroups-ebpf/internal/report"
	"namespaces-cgroups-ebpf/vmtest/internal/plan"
	"namespaces-cgroups-ebpf/vmtest/internal/verdict"
)

const (
	// silenceLimit is how long a guest with a running command may say nothing:
	// init sends a heartbeat every second.
	silenceLimit = 2 * time.Minute
	silenceCheck = 5 * time.Second
	// consoleTail is how much of a console is shown for a guest that died.
	consoleTail = 4 << 10
	// notStarted begins the reason of a command that could not be executed.
	notStarted = "not started: "
)

// kernelExec runs the command on one kernel.
type kernelExec struct {
	*execution
	out    *execStreams
	result ExecResult
}

// run fills in the result. What goes wrong is said on standard error, once.
func (r *kernelExec) run(ctx context.Context) {
	if !r.signals.wanted() || ctx.Err() != nil {
		r.infra(errInterrupted)
		return
	}
	kernel, err := r.source.Fetch(ctx, r.result.Spec)
	if err != nil {
		r.fault(fetchOutcome(err), err)
		return
	}
	r.result.Kernel, r.result.Release = r.nameResult(r.out.index, kernel.Series), kernel.Release
	a, err := r.shared.forKernel(ctx, kernel)
	if err != nil {
		r.infra(err)
		return
	}
	vm, err := r.boot(ctx, a)
	if err != nil {
		r.infra(err)
		return
	}
	defer func() { _ = vm.Close() }()
	r.result.Release, r.result.BootNS = vm.Release, vm.BootDuration.Nanoseconds()
	r.result.Restored, r.result.Accelerator = vm.Restored, vm.Accelerator.Name
	if len(r.Kernels) > 1 {
		r.out.say("vmtest: %s: %s", r.result.Kernel, vm.Release)
	}
	if err := r.command(ctx, vm); err != nil {
		r.infra(err)
	}
}

// boot starts the VM; one that does not come up gets a second chance.
func (r *kernelExec) boot(ctx context.Context, a *assets) (*VM, error) {
	for {
		r.result.AttemptsCount++
		vm, err := boot(ctx, a)
		if err == nil || r.result.AttemptsCount == bootAttempts || ctx.Err() != nil {
			return vm, err
		}
	}
}

// command runs the command and judges it. The error is a fault of the host.
func (r *kernelExec) command(ctx context.Context, vm *VM) error {
	// Not CommandContext: an interrupted command's VM is closed, not asked.
	cmd := vm.Command(r.Argv[0], r.Argv[1:]...)
	cmd.Env, cmd.Dir, cmd.UID, cmd.GID, cmd.Modules = r.Env, r.Dir, r.UID, r.GID, r.Modules
	cmd.Stdin = r.input()
	cmd.Stdout, cmd.Stderr = streamOf{r.out, false}, streamOf{r.out, true}
	if cmd.OutputLimitBytes = r.OutputLimitBytes; cmd.OutputLimitBytes == 0 {
		cmd.OutputLimitBytes = -1
	}
	if r.Terminal != nil {
		cmd.TTY, cmd.Rows, cmd.Cols = true, r.Terminal.Rows, r.Terminal.Cols
	}
	closeFiles, err := r.tee(cmd)
	if err != nil {
		return err
	}
	detach := func() {}
	if r.Terminal != nil && r.Terminal.Attach != nil {
		if detach, err = r.Terminal.Attach(); err != nil {
			return errors.Join(err, closeFiles())
		}
	}
	runErr := func() error {
		defer detach()
		return r.supervised(ctx, cmd)
	}()
	r.result.StdoutBytes, r.result.StderrBytes = r.out.stdout.Load(), r.out.stderr.Load()
	return errors.Join(r.judge(ctx, vm, cmd, runErr), closeFiles(), r.keepLogs(vm))
}

// tee has the outputs written to files too, if that is wanted.
func (r *kernelExec) tee(cmd *Cmd) (closeFiles func() error, err error) {
	if r.Out == "" {
		return func() error { return nil }, nil
	}
	files, err := newOutFiles(filepath.Join(r.Out, r.result.Kernel))
	if err != nil {
		return nil, fmt.Errorf("keep outputs: %w", err)
	}
	cmd.Stdout, cmd.Stderr = io.MultiWriter(files.stdout, cmd.Stdout), io.MultiWriter(files.stderr, cmd.Stderr)
	return files.close, nil
}

// keepLogs writes the console beside the outputs.
func (r *kernelExec) keepLogs(vm *VM) error {
	if r.Out == "" {
		return nil
	}
	return os.WriteFile(filepath.Join(r.Out, r.result.Kernel, "console.log"), vm.Console(), 0o644)
}

// supervised runs the command to its end, however that comes. The error is an
// *ExitError, an ErrLost, or errInterrupted.
func (r *kernelExec) supervised(ctx context.Context, cmd *Cmd) error {
	begin := time.Now()
	defer func() { r.result.DurationNS = time.Since(begin).Nanoseconds() }()
	if err := cmd.send(); err != nil {
		return err
	}
	if !r.signals.add(cmd) {
		return errInterrupted
	}
	defer r.signals.remove(cmd)
	if r.Timeout == 0 {
		return r.await(ctx, cmd, nil)
	}
	r.result.TimeoutNS = r.Timeout.Nanoseconds()
	for _, step := range []struct {
		wait time.Duration
		sig  syscall.Signal
	}{{r.Timeout, syscall.SIGQUIT}, {quitGrace, syscall.SIGKILL}} {
		if err := r.await(ctx, cmd, time.After(step.wait)); !errors.Is(err, errTimeUp) {
			return err
		}
		r.result.Outcome, r.result.Reason = report.Timeout, fmt.Sprintf("still running after %v", r.Timeout)
		_ = cmd.Signal(step.sig)
	}
	err := r.await(ctx, cmd, time.After(killGrace))
	if errors.Is(err, errTimeUp) {
		return fmt.Errorf("%w: no exit %v after SIGKILL", ErrLost, killGrace)
	}
	return err
}

var errTimeUp = errors.New("time is up")

// await waits for the command's end, or for the time to be up, and serves the
// terminal meanwhile.
func (r *kernelExec) await(ctx context.Context, cmd *Cmd, up <-chan time.Time) error {
	var resized <-chan Terminal
	if r.Terminal != nil {
		resized = r.Terminal.Resized
	}
	look := time.NewTicker(silenceCheck)
	defer look.Stop()
	for {
		select {
		case <-cmd.Exited():
			return cmd.Wait()
		case <-ctx.Done():
			return errInterrupted
		case <-up:
			return errTimeUp
		case size := <-resized:
			_ = cmd.Resize(size.Rows, size.Cols)
		case <-look.C:
			// While our own reader makes us wait, we hear nothing.
			if r.out.writing.Load() == 0 && cmd.session.silence() > silenceLimit {
				return fmt.Errorf("%w: last heard from %v ago", ErrLost, cmd.session.silence().Round(time.Second))
			}
		}
	}
}

// judge turns what happened into an outcome.
func (r *kernelExec) judge(ctx context.Context, vm *VM, cmd *Cmd, err error) error {
	if errors.Is(err, errInterrupted) {
		return err
	}
	exit := (*ExitError)(nil)
	if err != nil && !errors.As(err, &exit) {
		r.lost(vm, err)
		return nil
	}
	if x := cmd.exit; x.Code < 0 || x.Code > 255 || x.Signal < 0 || x.Signal > 64 {
		r.lost(vm, fmt.Errorf("%w: exit record is malformed: code %d, signal %d", ErrLost, x.Code, x.Signal))
		return nil
	}
	r.ended(vm, cmd)
	if copyErr := r.copyBack(ctx, vm); copyErr != nil {
		if errors.Is(copyErr, ErrLost) {
			r.lost(vm, copyErr)
			return nil
		}
		return copyErr
	}
	return nil
}

// ended is a command that the guest reports the end of.
func (r *kernelExec) ended(vm *VM, cmd *Cmd) {
	exit := cmd.exit
	code := exit.Code
	r.result.ExitCode, r.result.Signal = &code, exit.Signal
	r.result.Truncated, r.result.Leftover = exit.Truncated, exit.Leftover
	lines, lost := vm.session.takeKmsg()
	r.result.KmsgLostCount = lost
	if r.Out != "" {
		writeKmsg(filepath.Join(r.Out, r.result.Kernel, "kmsg.log"), lines)
	}
	conditions := verdict.Conditions{Release: vm.Release, Emulated: vm.Accelerator.Name == "tcg", At: time.Now()}
	splats := verdict.Complaints(lines, conditions)
	for _, line := range splats[:min(len(splats), maxKmsg)] {
		r.result.Splats = append(r.result.Splats, clip(line))
	}
	switch {
	case r.result.Outcome == report.Timeout:
		r.say()
	case len(r.result.Splats) > 0:
		r.result.Outcome, r.result.Reason = report.Splat, r.result.Splats[0]
		r.say()
	case exit.Error != "":
		r.result.Outcome, r.result.Reason = report.Fail, notStarted+exit.Error
		r.say()
	case exit.Code != 0:
		r.result.Outcome, r.result.Reason = report.Fail, (&ExitError{exit}).Error()
		if len(r.Kernels) > 1 {
			r.say()
		}
	default:
		r.result.Outcome, r.result.Reason = report.Pass, ""
	}
}

// lost is a guest that did not tell the end. Its console may say why.
func (r *kernelExec) lost(vm *VM, err error) {
	vm.settle()
	entry := plan.Entry{ID: "exec", TimeoutNS: r.Timeout.Nanoseconds()}
	trace := verdict.Trace{
		Release: vm.Release, Hello: &vm.session.helloMsg, Console: vm.Console(),
		Fault: err.Error() + "; " + vm.process.Ending(),
		Runs:  []verdict.Run{{ID: entry.FullID(), TimedOut: r.result.Outcome == report.Timeout}},
	}
	judged := verdict.Preview(entry, trace)
	r.result.Outcome, r.result.Reason = judged.Outcome, oneLineOf(errors.New(judged.Reason))
	r.say()
	r.showConsole(vm.Console())
}

func (r *kernelExec) infra(err error) { r.fault(report.Infra, err) }

// fault is something that the command cannot help.
func (r *kernelExec) fault(o report.Outcome, err error) {
	r.result.Outcome, r.result.Reason = o, oneLineOf(err)
	r.out.say("vmtest: %s: %s: %v", r.result.Kernel, o, err)
	if b := (*bootError)(nil); errors.As(err, &b) {
		r.showConsole(b.console)
	}
}

func (r *kernelExec) say() {
	r.out.say("vmtest: %s: %s: %s", r.result.Kernel, r.result.Outcome, r.result.Reason)
}

func (r *kernelExec) showConsole(console []byte) {
	if text := strings.TrimSpace(tail(console, consoleTail)); text != "" {
		r.out.say("the last of the console:\n%s", text)
	}
}
