package main

import (
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"namespaces-cgroups-ebpf/internal/exitcode"
	"namespaces-cgroups-ebpf/vmtest"
)

// cacheFlags say where kernels or images are kept and come from.
type cacheFlags struct {
	vmtest.Config
	mirrors []string
}

func (c *cacheFlags) registerCache(f *pflag.FlagSet) {
	f.StringVar(&c.CacheDir, "cache", "", "cache directory (default: $VMTEST_CACHE or the user's cache)")
}

func (c *cacheFlags) registerMirrors(f *pflag.FlagSet) {
	f.StringSliceVar(&c.mirrors, "mirror", nil, "Debian mirrors, tried in order (default: $VMTEST_MIRRORS or what apt uses)")
}

// registerKernels is for commands on kernels.
func (c *cacheFlags) registerKernels(f *pflag.FlagSet) {
	c.registerCache(f)
	f.StringVar(&c.PackageDir, "package-dir", "", "directory of .deb files and SHA256SUMS (default: $VMTEST_PACKAGE_DIR)")
	c.registerMirrors(f)
}

// registerImages is for commands on root disks.
func (c *cacheFlags) registerImages(f *pflag.FlagSet) {
	c.registerCache(f)
	f.StringVar(&c.Module, "module", ".", "directory of the Go module that image build is for")
}

// kernels opens the kernels of the cache; what happens is told on stderr.
func (c *cacheFlags) kernels(cmd *cobra.Command) (*vmtest.KernelStore, error) {
	c.Mirrors = split(c.mirrors)
	store, err := vmtest.Kernels(c.Config, tell(cmd))
	return store, exitcode.With(exitcode.Harness, err)
}

// images opens the root disks of the cache; what happens is told on stderr.
func (c *cacheFlags) images(cmd *cobra.Command) vmtest.ImageStore {
	c.Mirrors = split(c.mirrors)
	return vmtest.Images(c.Config, tell(cmd))
}

func tell(cmd *cobra.Command) func(string) {
	return func(line string) { fmt.Fprintln(cmd.ErrOrStderr(), line) }
}
