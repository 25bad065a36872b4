package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"namespaces-cgroups-ebpf/internal/kernel"
)

// ReadMachine describes the running machine by what is in proc, usually /proc.
func ReadMachine(proc string) (Machine, error) {
	m := Machine{CPUs: runtime.NumCPU()}
	var err error
	if m.Kernel, err = kernel.Release(); err != nil {
		return m, fmt.Errorf("describe machine: %w", err)
	}
	if m.CPUModel, err = field(filepath.Join(proc, "cpuinfo"), "model name"); err != nil {
		return m, fmt.Errorf("describe machine: %w", err)
	}
	total, err := field(filepath.Join(proc, "meminfo"), "MemTotal")
	if err != nil {
		return m, fmt.Errorf("describe machine: %w", err)
	}
	kib, err := strconv.ParseInt(strings.TrimSuffix(total, " kB"), 10, 64)
	if err != nil {
		return m, fmt.Errorf("describe machine: parse MemTotal %q: %w", total, err)
	}
	m.MemoryBytes = kib << 10
	m.Load, err = load(filepath.Join(proc, "loadavg"))
	m.Load /= float64(m.CPUs)
	return m, err
}

// field returns the first value of key in a file of "key : value" lines; what
// is not there is "unknown".
func field(path, key string) (string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(data)) {
		name, value, ok := strings.Cut(line, ":")
		if ok && strings.TrimSpace(name) == key {
			return strings.TrimSpace(value), nil
		}
	}
	return "unknown", nil
}

func load(path string) (float64, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return 0, fmt.Errorf("describe machine: %w", err)
	}
	var one float64
	if _, err := fmt.Sscan(string(data), &one); err != nil {
		return 0, fmt.Errorf("describe machine: parse load %q: %w", data, err)
	}
	return one, nil
}
