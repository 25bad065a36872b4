package vmtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"namespaces-cgroups-ebpf/vmtest/internal/qemu"
	"namespaces-cgroups-ebpf/vmtest/internal/wire"
)

// Deadlines of a VM's life outside of commands. They only bound what has
// stopped making progress: under TCG on a busy machine a boot takes 4-15 s.
const (
	startDeadline    = 30 * time.Second // QEMU itself, before the guest runs
	bootDeadline     = 3 * time.Minute
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
	// BootDuration is from the start of QEMU until init was ready.
	BootDuration time.Duration

	began   time.Time
	process *qemu.Process
	session *session
	assets  *assets
	work    *workDir
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
}

func (e *bootError) Error() string { return e.err.Error() }
func (e *bootError) Unwrap() error { return e.err }

// boot starts QEMU and waits until init is ready. If KVM was our own choice
// and the guest does not come up, the same machine is started once more under
// TCG.
func boot(ctx context.Context, a *assets) (*VM, error) {
	vm, err := bootOnce(ctx, a, a.accelerator)
	if err == nil || a.accelerator.Name != "kvm" || !a.accelerator.Auto || ctx.Err() != nil {
		return vm, err
	}
	tcg := qemu.TCG(fmt.Sprintf("kvm did not bring up the guest: %v", err))
	return bootOnce(ctx, a, tcg)
}

func bootOnce(ctx context.Context, a *assets, accelerator qemu.Accelerator) (*VM, error) {
	work, err := newWorkDir()
	if err != nil {
		return nil, err
	}
	vm := &VM{Accelerator: accelerator, assets: a, work: work}
	if err := vm.start(ctx); err != nil {
		err = vm.explain(err)
		return nil, errors.Join(err, vm.Close())
	}
	return vm, nil
}

func (vm *VM) start(ctx context.Context) error {
	vm.began = time.Now()
	machine, err := vm.assets.machine(ctx, vm.Accelerator, vm.work)
	if err != nil {
		return err
	}
	if err := vm.startQEMU(ctx, machine); err != nil {
		return err
	}
	vm.session = newSession(vm.process.Port)
	deadline := bootDeadline
	if vm.Accelerator.Name == "kvm" && vm.Accelerator.Auto {
		deadline = kvmBootDeadline
	}
	deadline = vm.assets.speed.scale(deadline)
	ctx, cancel := context.WithTimeoutCause(ctx, deadline, fmt.Errorf("no answer within %v", deadline))
	defer cancel()
	if err := vm.handshake(ctx); err != nil {
		return fmt.Errorf("boot kernel %s: %w", vm.assets.kernel.Release, err)
	}
	vm.BootDuration = time.Since(vm.began)
	return nil
}

func (vm *VM) startQEMU(ctx context.Context, m qemu.Machine) (err error) {
	deadline := vm.assets.speed.scale(startDeadline)
	ctx, cancel := context.WithTimeoutCause(ctx, deadline, fmt.Errorf("no answer within %v", deadline))
	defer cancel()
	vm.process, err = qemu.Start(ctx, m, portName)
	return err
}

func (vm *VM) handshake(ctx context.Context) error {
	if err := vm.session.await(ctx, vm.session.hello, "guest init"); err != nil {
		return err
	}
	vm.Release = vm.session.helloMsg.Release
	if want := vm.assets.kernel.Release; vm.Release != want {
		return fmt.Errorf("guest says it runs %s, want %s", vm.Release, want)
	}
	if err := vm.assets.checkModules(vm.session.helloMsg); err != nil {
		return err
	}
	seed := make([]byte, 32)
	_, _ = rand.Read(seed)
	resume := wire.Resume{TimeUnixNS: time.Now().UnixNano(), Seed: seed, Binds: binds(vm.assets.config.Mounts)}
	if err := vm.session.enc.EncodeJSON(wire.TypeResume, 0, resume); err != nil {
		return err
	}
	return vm.session.await(ctx, vm.session.ready, "ready")
}

// explain keeps what a failed boot left behind.
func (vm *VM) explain(err error) error {
	b := &bootError{err: needRoom(err)}
	if vm.process != nil {
		vm.settle()
		b.console, b.stderr = vm.process.Console.Bytes(), vm.process.Stderr.Bytes()
		b.reason = vm.process.ShutdownReason()
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
	if isClosed(vm.session.ended) {
		vm.process.Settle(settleWait)
	}
}

// Console returns the head and tail of the guest's serial console.
func (vm *VM) Console() []byte { return vm.process.Console.Bytes() }

// Close kills what still runs and removes everything the VM had on the host.
func (vm *VM) Close() error {
	if vm.process != nil {
		_ = vm.process.Close()
	}
	return vm.work.Close()
}
