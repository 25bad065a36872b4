package vmtest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"

	"namespaces-cgroups-ebpf/vmtest/internal/image"
	"namespaces-cgroups-ebpf/vmtest/internal/kernels"
	"namespaces-cgroups-ebpf/vmtest/internal/kmod"
	"namespaces-cgroups-ebpf/vmtest/internal/plan"
	"namespaces-cgroups-ebpf/vmtest/internal/qemu"
)

// portName is the virtio-serial port that guest init opens.
const portName = "vmtest.0"

// Sizes of the disks made here; all are sparse files.
const (
	payloadBytes = 8 << 30 // what it holds varies, its size must not
	scratchBytes = 1 << 30
)

// assets are the files that VMs of one kernel boot from. They are only read,
// so any number of VMs may share them.
type assets struct {
	config      Config
	kernel      kernels.Kernel
	image       image.Image
	accelerator qemu.Accelerator
	modules     *kmod.Index
	initramfs   func() (initrd, error) // builds it once
	snapshots   *snapshots
	modulesDisk string
	payloadDisk string // "" is none
	speed       *speed // of this machine; nil is not measured
}

// prepare makes or finds everything that a VM boots from.
func prepare(ctx context.Context, c Config, log func(string)) (*assets, error) {
	a, err := prepareShared(ctx, c, log)
	if err != nil {
		return nil, err
	}
	source, err := kernelSource(c, log)
	if err != nil {
		return nil, err
	}
	if a.kernel, err = source.Fetch(ctx, c.Kernel); err != nil {
		return nil, err
	}
	return a, a.prepareKernel(ctx)
}

// prepareShared makes what does not depend on the kernel: the choice of
// accelerator and the root disk.
func prepareShared(ctx context.Context, c Config, log func(string)) (*assets, error) {
	a := &assets{config: c, snapshots: newSnapshots(c.CacheDir)}
	if c.System != plan.InitGuest && c.System != plan.InitSystemd {
		return nil, fmt.Errorf("find system %q: there are %s, %s", c.System, plan.InitGuest, plan.InitSystemd)
	}
	// Told before minutes go into kernels and the root disk.
	if err := qemu.Installed(); err != nil {
		return nil, err
	}
	accelerator, err := qemu.Prober{}.Choose(ctx, c.Accelerator)
	if err != nil {
		return nil, err
	}
	a.accelerator = accelerator
	go a.snapshots.version() // it takes as long as the next steps
	if a.image, err = buildImage(ctx, c, log); err != nil {
		return nil, err
	}
	return a, nil
}

// prepareKernel makes what belongs to one kernel: the index of its modules and
// the disk that holds them.
func (a *assets) prepareKernel(ctx context.Context) error {
	var err error
	if a.modules, err = kmod.Load(a.kernel.ModulesDir, a.kernel.ConfigPath); err != nil {
		return err
	}
	if err := a.checkDrivers(); err != nil {
		return err
	}
	a.initramfs = sync.OnceValues(a.buildInitramfs)
	a.modulesDisk, err = cachedModulesDisk(ctx, a.config, a.kernel)
	return err
}

// forKernel is a copy of the shared assets for one kernel.
func (a *assets) forKernel(ctx context.Context, k kernels.Kernel) (*assets, error) {
	own := *a
	own.kernel = k
	return &own, own.prepareKernel(ctx)
}

// initName is the program that becomes PID 1.
const initName = "vmtest-init"

// findInit returns it: what c names, or else the one beside this program, the
// one of this module, or the one in PATH.
func findInit(c Config) (string, error) {
	candidates := []string{c.Init}
	if c.Init == "" {
		self, err := os.Executable()
		if err != nil {
			return "", fmt.Errorf("find guest init: %w", err)
		}
		candidates = []string{filepath.Join(filepath.Dir(self), initName), filepath.Join("bin", initName), filepath.Join("..", "bin", initName)}
		if path, err := exec.LookPath(initName); err == nil {
			candidates = append(candidates, path)
		}
	}
	for _, path := range candidates {
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("find guest init: none of %v (run make build, or put %s beside vmtest)", candidates, initName)
}
