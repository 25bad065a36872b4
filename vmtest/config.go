package vmtest

import (
	"os"
	"path/filepath"

	"namespaces-cgroups-ebpf/vmtest/internal/plan"
)

// Sizes of a VM where Config names none.
const (
	DefaultMemoryBytes = 1 << 30
	DefaultCPUs        = 2
)

// Config describes one VM. Only Kernel is required.
type Config struct {
	// Kernel is a series of kernels.json: "5.10", "6.12", "7" (the newest 7.x),
	// or another kernel source as `vmtest kernels --help` lists them.
	Kernel string
	// Image is the root disk: "base", "peers" or "build"; "" is base.
	Image string
	// Module is a directory of the Go module whose toolchain and modules the
	// image "build" holds; "" is the working directory.
	Module string
	// System is what becomes PID 1: "guest" (our init) or "systemd"; "" is guest.
	System string
	// Cold boots the kernel instead of restoring a snapshot of it.
	Cold bool
	// Accelerator is "auto" (measured), "kvm" or "tcg"; "" is auto.
	Accelerator string
	// MemoryBytes and CPUs of the guest; 0 is the default.
	MemoryBytes int64
	CPUs        int
	// Payload is a directory of the host, copied to the guest's read-only
	// /payload; "" is none.
	Payload string
	// Mounts are directories and files of the host that the guest gets copies
	// of, 7 GiB in all.
	Mounts []Mount
	// Init is the static program that becomes PID 1; "" looks for vmtest-init
	// beside the running program, in bin/ of the module and in PATH.
	Init string
	// CacheDir keeps kernels and images; "" is $VMTEST_CACHE, else the user's
	// cache directory.
	CacheDir string
	// PackageDir holds .deb files and SHA256SUMS that come before the mirror;
	// "" is $VMTEST_PACKAGE_DIR.
	PackageDir string
	// Mirrors are Debian mirrors in the order they are tried; none means
	// $VMTEST_MIRRORS, else what the machine's apt is configured with.
	Mirrors []string
	// KernelArgs are added to the kernel's command line.
	KernelArgs []string
	// Log gets a line per download, per step of building an image, and per
	// file that a mount leaves out; nil drops them.
	Log func(string)
}

func (c Config) withDefaults() Config {
	if c.Image == "" {
		c.Image = "base"
	}
	if c.System == "" {
		c.System = plan.InitGuest
	}
	if c.MemoryBytes == 0 {
		c.MemoryBytes = DefaultMemoryBytes
	}
	if c.CPUs == 0 {
		c.CPUs = DefaultCPUs
	}
	if c.PackageDir == "" {
		c.PackageDir = os.Getenv("VMTEST_PACKAGE_DIR")
	}
	if c.CacheDir == "" {
		c.CacheDir = defaultCacheDir()
	}
	return c
}

// defaultCacheDir falls back to the temporary directory only where there is
// no home directory at all.
func defaultCacheDir() string {
	if dir := os.Getenv("VMTEST_CACHE"); dir != "" {
		return dir
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		dir = os.TempDir()
	}
	return filepath.Join(dir, "namespaces-cgroups-ebpf")
}
