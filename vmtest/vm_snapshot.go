package vmtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"namespaces-cgroups-ebpf/vmtest/internal/image"
	"namespaces-cgroups-ebpf/vmtest/internal/qemu"
	"namespaces-cgroups-ebpf/vmtest/internal/snapshot"
	"namespaces-cgroups-ebpf/vmtest/internal/wire"
)

// snapshotError is trouble with a snapshot, not with the guest: it is a reason
// to boot cold and never one to fail.
type snapshotError struct{ err error }

func (e *snapshotError) Error() string { return e.err.Error() }
func (e *snapshotError) Unwrap() error { return e.err }

// bootWarm restores a VM, and makes the snapshot before that if need be. A
// damaged one is made again once.
func bootWarm(ctx context.Context, a *assets, accelerator qemu.Accelerator) (*VM, error) {
	key, err := a.snapshotKey(accelerator)
	if err != nil {
		return nil, err
	}
	if trouble, known := a.snapshots.given.Load(key); known {
		return nil, trouble.(*snapshotError)
	}
	vm, err := a.restoreOrSave(ctx, accelerator, key)
	if errors.Is(err, snapshot.ErrDamaged) {
		vm, err = a.restoreOrSave(ctx, accelerator, key)
	}
	var trouble *snapshotError
	if errors.As(err, &trouble) && ctx.Err() == nil {
		a.snapshots.given.Store(key, trouble)
	}
	return vm, err
}

func (a *assets) restoreOrSave(ctx context.Context, accelerator qemu.Accelerator, key string) (*VM, error) {
	a.snapshots.collect()
	s, err := a.snapshots.store.Open(key)
	save := time.Duration(0)
	if err != nil {
		if s, err = a.snapshots.store.Make(ctx, key, func(ctx context.Context, dir string) (snapshot.Record, error) {
			record, err := a.save(ctx, accelerator, dir)
			save = record.Save
			return record, err
		}); err != nil {
			return nil, blameSnapshot(err)
		}
	}
	vm, err := restore(ctx, a, accelerator, s)
	if err != nil {
		err = &snapshotError{fmt.Errorf("restore snapshot: %w", err)}
		return nil, errors.Join(err, s.Discard(ctx), s.Close())
	}
	vm.SaveDuration = save
	return vm, nil
}

// blameSnapshot tells trouble with the cache from a guest that does not boot,
// which would not do so cold either.
func blameSnapshot(err error) error {
	var trouble *snapshotError
	var guest *bootError
	if errors.As(err, &trouble) || errors.As(err, &guest) {
		return err
	}
	return &snapshotError{err}
}

// save boots the kernel up to the point where it waits for Resume, and keeps
// that in dir. The machine itself is not used any further: each VM is restored,
// so that they are all alike, and none has written to what others run from.
func (a *assets) save(ctx context.Context, accelerator qemu.Accelerator, dir string) (snapshot.Record, error) {
	if err := hasRoom(dir, a.config.MemoryBytes+snapshotRoom); err != nil {
		return snapshot.Record{}, err
	}
	var record snapshot.Record
	vm, err := newVM(a, accelerator, func(vm *VM) error {
		p, err := a.savedParts(dir, vm.work)
		if err != nil {
			return &snapshotError{err}
		}
		ctx, cancel := vm.within(ctx, bootDeadline)
		defer cancel()
		if err := vm.bootToHello(ctx, p); err != nil {
			if vm.outOfRoom() {
				return &snapshotError{fmt.Errorf("%w: the disk of the cache is full", err)}
			}
			return err
		}
		record.ColdBoot = time.Since(vm.began)
		return nil
	})
	if err != nil {
		return snapshot.Record{}, err
	}
	err = vm.saveTo(ctx, dir, &record)
	return record, errors.Join(err, vm.Close())
}

func (vm *VM) saveTo(ctx context.Context, dir string, record *snapshot.Record) error {
	ctx, cancel := vm.within(ctx, saveDeadline)
	defer cancel()
	begin := time.Now()
	f, err := os.Create(filepath.Join(dir, stateFile))
	if err != nil {
		return fmt.Errorf("save snapshot: %w", err)
	}
	defer f.Close()
	state, err := vm.process.Save(ctx, f)
	if err != nil {
		return fmt.Errorf("save snapshot: %w", err)
	}
	if err := vm.process.Quit(ctx); err != nil {
		return fmt.Errorf("save snapshot: %w", err)
	}
	record.SharedRAM = state.SharedRAM
	if !state.SharedRAM { // it is in the state
		if err := os.Remove(filepath.Join(dir, ramFile)); err != nil {
			return fmt.Errorf("save snapshot: %w", err)
		}
	}
	if record.Hello, err = json.Marshal(vm.session.helloMsg); err != nil {
		return fmt.Errorf("save snapshot: %w", err)
	}
	record.Save = time.Since(begin)
	return nil
}

// outOfRoom reports whether RAM did not fit on the disk of the cache.
func (vm *VM) outOfRoom() bool {
	if vm.process == nil {
		return false
	}
	vm.settle()
	return vm.process.OutOfRoom()
}

// savedParts are those of a machine that is booted to be saved in dir.
func (a *assets) savedParts(dir string, work *workDir) (p parts, err error) {
	in := func(name string) string { return filepath.Join(dir, name) }
	p = a.frozenParts(in, qemu.Memory{Bytes: a.config.MemoryBytes, Path: in(ramFile), Shared: true})
	if err := a.writeInitramfs(p.initramfs); err != nil {
		return parts{}, err
	}
	for path, size := range map[string]int64{p.root.Path: a.image.SizeBytes, p.scratch.Path: scratchBytes} {
		if err := qemu.CreateQcow2(path, size); err != nil {
			return parts{}, err
		}
	}
	p.payload = filepath.Join(work.Path, "payload") // never read before Resume
	if err := image.Scratch(p.payload, payloadBytes); err != nil {
		return parts{}, err
	}
	return p, nil
}

// frozenParts are what a machine that is saved and those restored from it have
// in common.
func (a *assets) frozenParts(in func(name string) string, memory qemu.Memory) parts {
	return parts{
		initramfs: in(initramfsFile),
		root:      qemu.Disk{Path: in(rootFile), Layered: true, Base: a.image.Path},
		scratch:   qemu.Disk{Path: in(scratchFile), Layered: true},
		more:      []qemu.Device{memory},
	}
}

// restore starts a VM from a snapshot, which it then owns. The files are
// checked while QEMU starts; the guest runs only if they are whole.
func restore(ctx context.Context, a *assets, accelerator qemu.Accelerator, s *snapshot.Snapshot) (*VM, error) {
	whole := sync.OnceValue(s.Verify)
	vm, err := newVM(a, accelerator, func(vm *VM) error {
		ctx, cancel := vm.within(ctx, restoreDeadline)
		defer cancel()
		p, err := a.restoredParts(ctx, vm.work, s)
		if err != nil {
			return err
		}
		go func() { _ = whole() }() // asked for below
		if err := vm.startQEMU(ctx, p); err != nil {
			return err
		}
		return vm.restoreFrom(ctx, s, whole)
	})
	if damage := whole(); damage != nil && err != nil {
		err = damage // why the rest went wrong
	}
	if err != nil {
		return nil, err
	}
	vm.snapshot = s
	return vm, nil
}

func (vm *VM) restoreFrom(ctx context.Context, s *snapshot.Snapshot, whole func() error) error {
	var hello wire.Hello
	if err := json.Unmarshal(s.Hello, &hello); err != nil {
		return fmt.Errorf("%w: read hello: %w", snapshot.ErrDamaged, err)
	}
	if err := vm.checkHello(hello); err != nil {
		return err
	}
	f, err := os.Open(s.Path(stateFile))
	if err != nil {
		return fmt.Errorf("%w: %w", snapshot.ErrDamaged, err)
	}
	defer f.Close()
	state := qemu.State{File: f, SharedRAM: s.SharedRAM}
	if err := vm.process.Restore(ctx, state, whole); err != nil {
		return err
	}
	vm.converse(resumeSession(vm.process.Port, hello))
	if err := vm.resume(ctx); err != nil {
		return err
	}
	vm.Restored, vm.ColdBootDuration = true, s.ColdBoot
	return nil
}

// restoredParts are the snapshot's, with what the guest writes thrown away.
func (a *assets) restoredParts(ctx context.Context, work *workDir, s *snapshot.Snapshot) (p parts, err error) {
	memory := qemu.Memory{Bytes: a.config.MemoryBytes}
	if s.SharedRAM {
		memory.Path = s.Path(ramFile)
	}
	p = a.frozenParts(s.Path, memory)
	p.root.Overlay, p.scratch.Overlay = true, true
	p.more = append(p.more, qemu.Incoming{})
	if p.payload, err = a.payload(ctx, work); err != nil {
		return parts{}, err
	}
	return p, nil
}
