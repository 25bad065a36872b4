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

// boot returns a VM whose init is ready. If KVM was our own choice and the
// guest does not come up, that is tried once more under TCG.
func boot(ctx context.Context, a *assets) (*VM, error) {
	vm, err := bootUnder(ctx, a, a.accelerator)
	if err == nil || a.accelerator.Name != "kvm" || !a.accelerator.Auto || ctx.Err() != nil {
		return vm, err
	}
	tcg := qemu.TCG(fmt.Sprintf("kvm did not bring up the guest: %v", err))
	return bootUnder(ctx, a, tcg)
}

// bootUnder restores a VM from a snapshot, which is made if there is none, or
// boots one cold where that is asked for or snapshots do not work.
func bootUnder(ctx context.Context, a *assets, accelerator qemu.Accelerator) (*VM, error) {
	if a.config.Cold {
		return bootCold(ctx, a, accelerator)
	}
	vm, err := bootWarm(ctx, a, accelerator)
	var trouble *snapshotError
	if !errors.As(err, &trouble) || ctx.Err() != nil {
		return vm, err
	}
	if vm, err = bootCold(ctx, a, accelerator); err == nil {
		vm.Note = "booted cold: " + trouble.Error()
	}
	return vm, err
}

func bootCold(ctx context.Context, a *assets, accelerator qemu.Accelerator) (*VM, error) {
	return newVM(a, accelerator, func(vm *VM) error {
		p, err := a.coldParts(ctx, vm.work)
		if err != nil {
			return err
		}
		ctx, cancel := vm.within(ctx, bootDeadline)
		defer cancel()
		if err := vm.bootToHello(ctx, p); err != nil {
			return err
		}
		return vm.resume(ctx)
	})
}

// newVM gives a VM its work directory and brings it up. If that fails, the VM
// is gone and the error is a bootError.
func newVM(a *assets, accelerator qemu.Accelerator, bringUp func(*VM) error) (*VM, error) {
	work, err := newWorkDir()
	if err != nil {
		return nil, err
	}
	vm := &VM{Accelerator: accelerator, assets: a, work: work}
	if err := bringUp(vm); err != nil {
		err = vm.explain(err)
		return nil, errors.Join(err, vm.Close())
	}
	return vm, nil
}

// within bounds what brings a VM up. A KVM of our own choice gets less time:
// there is TCG to fall back on.
func (vm *VM) within(ctx context.Context, deadline time.Duration) (context.Context, context.CancelFunc) {
	if vm.Accelerator.Name == "kvm" && vm.Accelerator.Auto {
		deadline = min(deadline, kvmBootDeadline)
	}
	deadline = vm.assets.speed.scale(deadline)
	return context.WithTimeoutCause(ctx, deadline, fmt.Errorf("no answer within %v", deadline))
}

// bootToHello boots the kernel until init could run commands: the point that
// snapshots are taken at.
func (vm *VM) bootToHello(ctx context.Context, p parts) error {
	if err := vm.startQEMU(ctx, p); err != nil {
		return err
	}
	vm.converse(newSession(vm.process.Port))
	err := vm.session.await(ctx, vm.session.hello, "guest init")
	if err == nil {
		err = vm.checkHello(vm.session.helloMsg)
	}
	if err != nil {
		return fmt.Errorf("boot kernel %s: %w", vm.assets.kernel.Release, err)
	}
	return nil
}

func (vm *VM) startQEMU(ctx context.Context, p parts) (err error) {
	deadline := vm.assets.speed.scale(startDeadline)
	ctx, cancel := context.WithTimeoutCause(ctx, deadline, fmt.Errorf("no answer within %v", deadline))
	defer cancel()
	vm.began = time.Now()
	vm.process, err = qemu.Start(ctx, vm.assets.machine(vm.Accelerator, p), portName)
	return err
}

func (vm *VM) checkHello(hello wire.Hello) error {
	vm.Release = hello.Release
	if want := vm.assets.kernel.Release; vm.Release != want {
		return fmt.Errorf("guest says it runs %s, want %s", vm.Release, want)
	}
	return vm.assets.checkModules(hello)
}

// resume gives the guest what a snapshot could not hold, and waits until it is
// ready for commands.
func (vm *VM) resume(ctx context.Context) error {
	seed := make([]byte, 32)
	_, _ = rand.Read(seed)
	resume := wire.Resume{TimeUnixNS: time.Now().UnixNano(), Seed: seed, Binds: binds(vm.assets.config.Mounts)}
	if err := vm.session.enc.EncodeJSON(wire.TypeResume, 0, resume); err != nil {
		return fmt.Errorf("resume kernel %s: %w", vm.Release, err)
	}
	if err := vm.session.await(ctx, vm.session.ready, "ready"); err != nil {
		return fmt.Errorf("resume kernel %s: %w", vm.Release, err)
	}
	vm.BootDuration = time.Since(vm.began)
	return vm.setClock()
}

// setClock corrects what Resume could not: it told the guest the time at which
// it was sent, not the time at which the guest came to read it.
func (vm *VM) setClock() error {
	clock := wire.Clock{AdvanceNS: vm.session.clockLag.Nanoseconds()}
	if err := vm.session.enc.EncodeJSON(wire.TypeClock, 0, clock); err != nil {
		return fmt.Errorf("set clock of kernel %s: %w", vm.Release, err)
	}
	return nil
}
