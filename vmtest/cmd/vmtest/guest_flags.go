package main

import (
	"fmt"
	"strings"

	"github.com/spf13/pflag"

	"namespaces-cgroups-ebpf/vmtest"
)

// guestFlags are what run, exec, shell and bisect can ask of a VM and of the
// place that its parts come from.
type guestFlags struct {
	mirrors, appended []string
	memory            string
}

// add registers the flags; c gets the values of those that need no reading.
func (g *guestFlags) add(f *pflag.FlagSet, c *vmtest.Config) {
	f.StringArrayVar(&g.appended, "append", nil, "add words to the kernel's command line")
	f.StringVar(&g.memory, "memory", "1G", "memory of the guest, such as 512M or 4G")
	f.IntVar(&c.CPUs, "cpus", vmtest.DefaultCPUs, "CPUs of the guest")
	f.BoolVar(&c.Cold, "cold", false, "boot the kernel, use no snapshot")
	f.StringVar(&c.Accelerator, "accel", "auto", "auto (measured), kvm or tcg")
	f.StringVar(&c.CacheDir, "cache", "", "cache directory (default: $VMTEST_CACHE or the user's cache)")
	f.StringVar(&c.PackageDir, "package-dir", "", "directory of .deb files and SHA256SUMS (default: $VMTEST_PACKAGE_DIR)")
	f.StringSliceVar(&g.mirrors, "mirror", nil, "Debian mirrors, tried in order (default: $VMTEST_MIRRORS or what apt uses)")
}

// read puts the values of the other flags into c.
func (g *guestFlags) read(c *vmtest.Config) (err error) {
	c.Mirrors = split(g.mirrors)
	for _, words := range g.appended {
		c.KernelArgs = append(c.KernelArgs, strings.Fields(words)...)
	}
	if c.CPUs < 1 {
		return fmt.Errorf("--cpus %d: a guest has one CPU at least", c.CPUs)
	}
	c.MemoryBytes, err = parseSize(g.memory)
	return err
}
