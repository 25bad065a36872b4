package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	minicontainer "namespaces-cgroups-ebpf/mini-container"
)

// mode is what the containers have.
type mode struct {
	name     string
	confined bool // cgroup with limits, device filter and system call filter, for all
}

var (
	plain    = mode{name: "no cgroup, no filters"}
	confined = mode{name: "cgroup, device filter, seccomp", confined: true}
)

// The limits of a confined container.
const (
	memoryLimit = 64 << 20
	pidsLimit   = 64
)

// bundle is a directory that every contestant makes its container of.
type bundle struct{ dir string }

func (b bundle) rootfs() string { return filepath.Join(b.dir, "rootfs") }
func (b bundle) state() string  { return filepath.Join(b.dir, "state") }

// newBundle makes the directory, for one mode.
func newBundle(m mode) (b bundle, err error) {
	b.dir, err = os.MkdirTemp("", "bench-mini-container-")
	if err != nil {
		return b, fmt.Errorf("make bundle: %w", err)
	}
	if err = b.fill(m); err != nil {
		b.remove()
	}
	return b, err
}

func (b bundle) remove() { os.RemoveAll(b.dir) }

// install returns a copy of a program, written as package managers write. A
// linker maps what it writes; the kernel then caches it in the smallest pages,
// and to start it takes 6 % longer than the same program once it is installed,
// as the others here are.
func (b bundle) install(program string) (string, error) {
	data, err := os.ReadFile(program)
	if err != nil {
		return "", fmt.Errorf("read program: %w", err)
	}
	copied := filepath.Join(b.dir, filepath.Base(program))
	if err := os.WriteFile(copied, data, 0o755); err != nil { //nolint:gosec // to be executed
		return "", fmt.Errorf("install program: %w", err)
	}
	return copied, nil
}

func (b bundle) fill(m mode) error {
	for _, dir := range []string{"bin", "proc", "sys", "dev"} {
		if err := os.MkdirAll(filepath.Join(b.rootfs(), dir), 0o755); err != nil {
			return fmt.Errorf("fill bundle: %w", err)
		}
	}
	for name, c := range map[string]code{"true": exitCode, "pause": pauseCode} {
		data, err := c.program(runtime.GOARCH)
		if err == nil {
			err = os.WriteFile(filepath.Join(b.rootfs(), "bin", name), data, 0o755)
		}
		if err != nil {
			return fmt.Errorf("fill bundle: %w", err)
		}
	}
	data, err := json.Marshal(b.spec(m))
	if err == nil {
		err = os.WriteFile(filepath.Join(b.dir, "config.json"), data, 0o644)
	}
	if err != nil {
		return fmt.Errorf("write configuration: %w", err)
	}
	return nil
}

// spec is mini-container's own default in the words of OCI: the others are
// given the same work.
func (b bundle) spec(m mode) *specs.Spec {
	spec := minicontainer.NewSpec(minicontainer.Options{Rootfs: b.rootfs(), Args: []string{"/bin/true"}})
	spec.Version = "1.0.2"   // that Debian's know
	spec.Linux.Devices = nil // they make the same by themselves; asked to, runc denies them
	// They add the harmless ones; without this runc denies those too.
	spec.Linux.Resources = &specs.LinuxResources{Devices: []specs.LinuxDeviceCgroup{{Allow: false, Access: "rwm"}}}
	if !m.confined {
		spec.Linux.Seccomp = nil
		return spec
	}
	memory, pids := int64(memoryLimit), int64(pidsLimit)
	spec.Linux.Resources.Memory = &specs.LinuxMemory{Limit: &memory}
	spec.Linux.Resources.Pids = &specs.LinuxPids{Limit: &pids}
	return spec
}
