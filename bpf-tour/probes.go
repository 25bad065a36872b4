package bpftour

import (
	"os"
	"path/filepath"
	"strings"
)

// Roots are the places in the file system where the kernel tells what it has.
// Tests point them elsewhere.
type Roots struct {
	Tracing []string // mount points of tracefs, in order of preference
	BTF     string   // BTF of the kernel
}

// DefaultRoots returns the usual places.
func DefaultRoots() Roots {
	return Roots{
		Tracing: []string{"/sys/kernel/tracing", "/sys/kernel/debug/tracing"},
		BTF:     "/sys/kernel/btf/vmlinux",
	}
}

// Check returns an ErrUnsupported that names what the recipe needs and the
// kernel lacks. Whether a kprobe's function exists is left to bpftrace: the
// list of functions is slow to read.
func (roots Roots) Check(r Recipe) error {
	for _, need := range r.Needs {
		if need == "btf" && !exists(roots.BTF) {
			return unsupported("recipe %s needs kernel type information (CONFIG_DEBUG_INFO_BTF): no %s", r.Name, roots.BTF)
		}
	}
	tracing, ok := roots.tracing()
	if !ok {
		return unsupported("no readable tracefs in %s: mount it (mount -t tracefs tracefs /sys/kernel/tracing) and run as root",
			strings.Join(roots.Tracing, " or "))
	}
	for _, probe := range r.Probes {
		kind, target, _ := strings.Cut(probe, ":")
		file := filepath.Join("events", strings.ReplaceAll(target, ":", "/"), "id")
		if kind == "kprobe" {
			file = "kprobe_events"
		}
		if !exists(filepath.Join(tracing, file)) {
			return unsupported("recipe %s needs %s, which this kernel does not have", r.Name, probe)
		}
	}
	return nil
}

func (roots Roots) tracing() (string, bool) {
	for _, dir := range roots.Tracing {
		if exists(filepath.Join(dir, "events")) {
			return dir, true
		}
	}
	return "", false
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
