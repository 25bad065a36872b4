package health

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"namespaces-cgroups-ebpf/internal/doctor"
	"namespaces-cgroups-ebpf/vmtest/internal/qemu"
)

// Bounds below which a check is not ok.
const (
	gib          = int64(1) << 30
	cacheLeast   = 2 * gib  // one image under construction
	cacheComfort = 12 * gib // five kernels, three images and their snapshots
	tempLeast    = 1 * gib
	tempComfort  = 4 * gib
	vmBytes      = gib + gib/4 // memory of one VM with its QEMU
	mirrorWait   = 8 * time.Second
)

// install is the remedy for missing programs.
const install = "run ci/install-deps.sh as root"

// Machine is what the checks see of a machine; tests play one.
type Machine struct {
	Arch     string
	CPUs     int
	Memory   func() int64 // available, in bytes
	LookPath func(name string) error
	// Run runs a program to its end and returns its output.
	Run         func(ctx context.Context, argv ...string) (string, error)
	QEMU        func() string
	Accelerator func(ctx context.Context) (qemu.Accelerator, error)
	// Space is the free space where dir is or would be made, and the type of
	// the file system.
	Space    func(dir string) (Space, error)
	Writable func(dir string) error
	Exists   func(path string) bool
}

// Space is a file system.
type Space struct {
	FreeBytes int64
	Memory    bool // it is in memory (tmpfs)
}

// Settings are what the harness would use.
type Settings struct {
	CacheDir   string
	TempDir    string
	PackageDir string   // "" is none
	Mirrors    []string // Debian's, best first
	MirrorsErr error    // why there are none
	Cached     Cached
}

// Cached is what the cache holds.
type Cached struct {
	Series, Missing []string // of the default matrix
	Images, Absent  []string
	Snapshots       int
	GoErr           error // why image build cannot be had
	GoVersion       string
}

// Examine runs all checks. Those that wait for something are bounded.
func Examine(ctx context.Context, m Machine, s Settings) doctor.Report {
	return doctor.New(
		emulator(m), accelerator(ctx, m), memory(m), cache(m, s), temp(m, s), tools(m), namespaces(ctx, m),
		keys(m), mirrors(ctx, m, s), kernels(s), images(s), snapshots(s), toolchain(s),
	)
}

func emulator(m Machine) doctor.Check {
	c := doctor.Check{ID: "qemu", Title: "QEMU", Status: doctor.OK, Value: m.QEMU()}
	switch {
	case m.Arch != "amd64":
		c.Status, c.Value = doctor.Fail, m.Arch
		c.Detail, c.Remedy = "guests are x86-64 only, and so must this machine be", "use an x86-64 machine"
	case m.LookPath(qemu.Binary) != nil:
		c.Status, c.Value, c.Detail, c.Remedy = doctor.Fail, "", qemu.Binary+" is not installed", install
	case c.Value == "unknown":
		c.Status, c.Detail, c.Remedy = doctor.Fail, qemu.Binary+" does not run", install
	}
	return c
}

func accelerator(ctx context.Context, m Machine) doctor.Check {
	c := doctor.Check{ID: "accelerator", Title: "accelerator", Status: doctor.OK}
	begun := time.Now()
	a, err := m.Accelerator(ctx)
	if err != nil {
		c.Status, c.Detail, c.Remedy = doctor.Unknown, err.Error(), install
		return c
	}
	c.Value = fmt.Sprintf("%s, measured in %.1f s", a.Name, time.Since(begun).Seconds())
	c.Detail = a.Reason
	if a.Name != "kvm" {
		c.Status = doctor.Warn
		c.Remedy = "nothing needs to be done: VMs are emulated, about ten times slower; a usable /dev/kvm makes them fast"
	}
	return c
}

// memory is about VMs at once: one per CPU, as far as there is memory.
func memory(m Machine) doctor.Check {
	c := doctor.Check{ID: "memory", Title: "memory and CPUs", Status: doctor.OK}
	free := m.Memory()
	fit := min(m.CPUs, int(free/vmBytes))
	c.Value = fmt.Sprintf("%d MiB available, %d CPUs: %s at once", free>>20, m.CPUs, count(fit, "VM"))
	switch {
	case fit == 0:
		c.Status, c.Detail = doctor.Fail, fmt.Sprintf("a VM takes %d MiB", vmBytes>>20)
		c.Remedy = "free some memory"
	case fit < m.CPUs:
		c.Status, c.Detail = doctor.Warn, "there are more CPUs than VMs that fit into memory"
		c.Remedy = "nothing needs to be done; --jobs names another number"
	}
	return c
}

func cache(m Machine, s Settings) doctor.Check {
	c := doctor.Check{ID: "cache", Title: "cache directory", Status: doctor.OK}
	c, _ = place(m, c, s.CacheDir, "VMTEST_CACHE", cacheLeast, cacheComfort)
	return c
}

func temp(m Machine, s Settings) doctor.Check {
	c := doctor.Check{ID: "temporary-directory", Title: "temporary directory", Status: doctor.OK}
	c, inMemory := place(m, c, s.TempDir, "TMPDIR", tempLeast, tempComfort)
	if inMemory && c.Status == doctor.OK {
		c.Status, c.Detail = doctor.Warn, "it is in memory, and what guests write to their disks goes there"
		c.Remedy = "name a directory on a disk with TMPDIR"
	}
	return c
}

// place judges a directory that is written to; variable names another one.
func place(m Machine, c doctor.Check, dir, variable string, least, comfort int64) (_ doctor.Check, inMemory bool) {
	if err := m.Writable(dir); err != nil {
		c.Status, c.Detail = doctor.Fail, "cannot be written: "+cause(err)
		c.Remedy = "name another directory with " + variable
		return c, false
	}
	space, err := m.Space(dir)
	if err != nil {
		c.Status, c.Detail = doctor.Unknown, cause(err)
		return c, false
	}
	return room(c, space, least, comfort, "free some, or name another directory with "+variable), space.Memory
}

// room judges free space.
func room(c doctor.Check, s Space, least, comfort int64, remedy string) doctor.Check {
	c.Value = fmt.Sprintf("%d MiB free", s.FreeBytes>>20)
	if s.Memory {
		c.Value += " in memory"
	}
	switch {
	case s.FreeBytes < least:
		c.Status, c.Detail, c.Remedy = doctor.Fail, fmt.Sprintf("%d MiB are needed", least>>20), remedy
	case s.FreeBytes < comfort:
		c.Status, c.Detail, c.Remedy = doctor.Warn, fmt.Sprintf("a full run may take %d MiB", comfort>>20), remedy
	}
	return c
}

// cause leaves out a path: it may hold a user's name.
func cause(err error) string {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err.Error()
		}
		err = inner
	}
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func list(names []string, none string) string {
	if len(names) == 0 {
		return none
	}
	return strings.Join(names, " ")
}
