package vmtest

import (
	"context"
	"fmt"
	"time"

	"namespaces-cgroups-ebpf/vmtest/internal/qemu"
	"namespaces-cgroups-ebpf/vmtest/internal/snapshot"
	"namespaces-cgroups-ebpf/vmtest/internal/verdict"
	"namespaces-cgroups-ebpf/vmtest/internal/wire"
)

// Deadlines of a VM's life outside of commands. They only bound what has
// stopped making progress: under TCG on a busy machine a boot takes 4-15 s.
const (
	startDeadline    = 30 * time.Second // QEMU itself, before the guest runs
	bootDeadline     = 3 * time.Minute
	restoreDeadline  = time.Minute
	saveDeadline     = 2 * time.Minute // of a machine that is up
	kvmBootDeadline  = 45 * time.Second
	shutdownDeadline = 30 * time.Second
	settleWait       = 2 * time.Second // from the channel's end to QEMU's
)

// VM is a booted machine whose init is ready for commands.
type VM struct {
	// Release is the guest's own uname -r.
	Release string
	// Accelerator that runs it, and why.
	Accelerator Accelerator
	// Restored tells a VM restored from a snapshot from one booted cold.
	Restored bool
	// Note says why a VM was booted cold though Config did not ask for that.
	Note string
	// BootDuration is from the start of QEMU until init was ready, one way or
	// the other.
	BootDuration time.Duration
	// ColdBootDuration is what the boot took that the snapshot is of, and
	// SaveDuration what saving that took if this VM was the first to need it.
	ColdBootDuration, SaveDuration time.Duration

	began    time.Time
	process  *qemu.Process
	session  *session
	assets   *assets
	work     *workDir
	snapshot *snapshot.Snapshot // what it runs from, or nil
}

// Boot prepares whatever the cache does not hold yet (kernel, root disk), and
// boots a VM. The caller must Close it.
func Boot(ctx context.Context, c Config) (*VM, error) {
	c = c.withDefaults()
	var err error
	if c.Mounts, err = checkMounts(c.Mounts); err != nil {
		return nil, err
	}
	a, err := prepare(ctx, c, c.Log)
	if err != nil {
		return nil, err
	}
	return boot(ctx, a)
}

// bootError is a VM that did not come up, with what it left to look at.
type bootError struct {
	err     error
	console []byte
	stderr  []byte
	reason  string // QMP shutdown reason
	silence *verdict.Silence
}

func (e *bootError) Error() string { return e.err.Error() }
func (e *bootError) Unwrap() error { return e.err }

// explain keeps what a failed boot left behind.
func (vm *VM) explain(err error) error {
	b := &bootError{err: needRoom(err)}
	if vm.process != nil {
		vm.settle()
		b.console, b.stderr = vm.process.Console.Bytes(), vm.process.Stderr.Bytes()
		b.reason = vm.process.ShutdownReason()
		if vm.session != nil {
			b.silence = vm.session.silenced()
		}
		b.err = vm.assets.bootFault(b.err, lastWords(b.console))
	}
	return b
}

// Command returns a command that has not started yet.
func (vm *VM) Command(name string, args ...string) *Cmd {
	return vm.CommandContext(context.Background(), name, args...)
}

// CommandContext is Command; the command is killed when ctx ends.
func (vm *VM) CommandContext(ctx context.Context, name string, args ...string) *Cmd {
	return newCmd(ctx, vm.session, append([]string{name}, args...))
}

// Shutdown asks init to stop everything and power off, and waits until QEMU
// has ended.
func (vm *VM) Shutdown(ctx context.Context) error {
	deadline := vm.assets.speed.scale(shutdownDeadline)
	ctx, cancel := context.WithTimeoutCause(ctx, deadline, fmt.Errorf("no answer within %v", deadline))
	defer cancel()
	if err := vm.session.enc.Encode(wire.TypeShutdown, 0, nil); err != nil {
		return fmt.Errorf("shut down: %w", err)
	}
	if err := vm.session.await(ctx, vm.session.done, "done"); err != nil {
		return fmt.Errorf("shut down: %w", err)
	}
	select {
	case <-vm.process.Exited():
		return nil
	case <-ctx.Done():
		return fmt.Errorf("shut down: guest is done but not off: %w", context.Cause(ctx))
	}
}

// settle gives a guest that has gone away a moment to be gone altogether, so
// that the end of its console and the reason of its end are known.
func (vm *VM) settle() {
	if vm.session == nil && isClosed(vm.process.QMP.Ended()) || vm.session != nil && isClosed(vm.session.ended) {
		vm.process.Settle(settleWait)
	}
}

// Console returns the head and tail of the guest's serial console.
func (vm *VM) Console() []byte { return vm.process.Console.Bytes() }

// PeakRSSBytes is the most memory that QEMU had resident so far, 0 if unknown.
func (vm *VM) PeakRSSBytes() int64 { return vm.process.PeakRSSBytes() }

// Close kills what still runs and removes everything the VM had on the host.
func (vm *VM) Close() error {
	if vm.process != nil {
		_ = vm.process.Close()
	}
	if vm.snapshot != nil {
		_ = vm.snapshot.Close()
	}
	return vm.work.Close()
}
