package vmtest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"namespaces-cgroups-ebpf/vmtest/internal/image"
	"namespaces-cgroups-ebpf/vmtest/internal/plan"
	"namespaces-cgroups-ebpf/vmtest/internal/qemu"
)

// parts are what differs between machines that a guest cannot tell apart: one
// booted cold, one that is booted to be saved, one restored from that.
type parts struct {
	initramfs string
	root      qemu.Disk
	payload   string
	scratch   qemu.Disk
	more      []qemu.Device
}

// machine is the VM as a value. The disks' order is fixed, since a snapshot
// freezes it; the guest goes by their serials.
func (a *assets) machine(accelerator qemu.Accelerator, p parts) qemu.Machine {
	p.root.Serial, p.scratch.Serial = "root", "scratch"
	devices := []qemu.Device{
		qemu.Boot{Image: a.kernel.Image, Initramfs: p.initramfs},
		qemu.Compute{MemoryBytes: a.config.MemoryBytes, CPUs: a.config.CPUs, Accelerator: accelerator},
		qemu.ExitOnPanic{},
		qemu.Entropy{},
		p.root,
		qemu.Disk{Serial: "modules", Path: a.modulesDisk, ReadOnly: true},
		// Shared by VMs, and each may write to what it mounts there.
		qemu.Disk{Serial: "payload", Path: p.payload, Overlay: true},
		p.scratch,
		qemu.KernelParameters{"vmtest=1", "printk.devkmsg=on", "log_buf_len=1M"},
		qemu.KernelParameters(systemParameters(a.config.System)),
		qemu.KernelParameters(a.config.KernelArgs),
	}
	return qemu.Machine{Devices: append(devices, p.more...)}
}

// systemParameters say to guest init what becomes process 1. Systemd is told to
// leave the console to the kernel, and not to sit there after a crash.
func systemParameters(system string) []string {
	if system != plan.InitSystemd {
		return nil
	}
	return []string{
		"vmtest_system=systemd", "TERM=dumb", "systemd.show_status=no", "systemd.log_level=notice",
		"systemd.crash_action=poweroff", "systemd.dump_core=no",
	}
}

// coldParts are those of a machine that boots and is never saved.
func (a *assets) coldParts(ctx context.Context, work *workDir) (p parts, err error) {
	if p.payload, err = a.payload(ctx, work); err != nil {
		return parts{}, err
	}
	p.initramfs = filepath.Join(work.Path, "initramfs")
	if err := a.writeInitramfs(p.initramfs); err != nil {
		return parts{}, err
	}
	p.root = qemu.Disk{Path: a.image.Path, Overlay: true}
	p.scratch = qemu.Disk{Path: filepath.Join(work.Path, "scratch")}
	return p, image.Scratch(p.scratch.Path, scratchBytes)
}

// payload is the disk that all VMs of a run share, or one of this VM's own.
// There always is one: a snapshot fits only a machine with the same disks.
func (a *assets) payload(ctx context.Context, work *workDir) (string, error) {
	if a.payloadDisk != "" {
		return a.payloadDisk, nil
	}
	dir := a.config.Payload
	if dir == "" && len(a.config.Mounts) == 0 {
		dir = filepath.Join(work.Path, "empty")
		if err := os.Mkdir(dir, 0o755); err != nil {
			return "", fmt.Errorf("make payload disk: %w", err)
		}
	}
	return buildPayload(ctx, dir, a.config.Mounts, image.Owner{}, work, a.config.Log)
}
