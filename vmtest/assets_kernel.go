package vmtest

import (
	"fmt"
	"slices"
	"strings"

	"namespaces-cgroups-ebpf/vmtest/internal/kernels"
)

// bootModules are what a kernel needs to reach its disks and the channel;
// those that are built in are left out.
var bootModules = []string{"virtio_pci", "virtio_blk", "virtio_console", "ext4"}

// optionalModules make a guest better and are loaded where the kernel has them.
var optionalModules = []string{"virtio_rng"}

// selectSeries returns the kernels asked for in the order asked, or the default
// matrix. Each has a name of its own; where another source than a series is
// meant, Spec says which.
func selectSeries(c Config, names []string) ([]kernels.Series, error) {
	cache, err := kernelSource(c, nil)
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return cache.Default(), nil
	}
	var selected []kernels.Series
	for _, text := range kernels.JoinSpecs(names) {
		s, err := cache.Select(text)
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(selected, func(other kernels.Series) bool { return other.Source() == s.Source() }) {
			selected = append(selected, unlike(selected, s))
		}
	}
	return selected, nil
}

// unlike gives a kernel another name if one of the others has it.
func unlike(others []kernels.Series, s kernels.Series) kernels.Series {
	name := s.Series
	for n := 2; slices.ContainsFunc(others, func(o kernels.Series) bool { return o.Series == s.Series }); n++ {
		s.Series = fmt.Sprintf("%s-%d", name, n)
	}
	return s
}

// checkDrivers refuses a kernel that could not reach its disks, before QEMU is
// started and waited for.
func (a *assets) checkDrivers() error {
	if missing := a.modules.Missing(bootModules...); len(missing) > 0 {
		return fmt.Errorf("kernel %s cannot run here: it has neither built in nor as a module: %s",
			a.kernel.Release, strings.Join(missing, ", "))
	}
	return nil
}

// doubt adds to a failed boot what could not be known of the kernel before.
func (a *assets) doubt(err error) error {
	if a.modules == nil {
		return err
	}
	if unsure := a.modules.Unsure(bootModules...); len(unsure) > 0 {
		return fmt.Errorf("%w (nothing says what is built into this kernel, which came without its modules.builtin and .config; "+
			"it needs %s)", err, strings.Join(unsure, ", "))
	}
	return err
}
