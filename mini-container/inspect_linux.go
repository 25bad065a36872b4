package minicontainer

import (
	"fmt"

	"namespaces-cgroups-ebpf/mini-container/internal/cgroup"
	"namespaces-cgroups-ebpf/mini-container/internal/inspect"
	"namespaces-cgroups-ebpf/mini-container/internal/landlock"
)

// Inspect reports what isolates a process of the running kernel, whoever
// started it.
func Inspect(pid int) (*inspect.Report, error) {
	mount := ""
	if h, err := cgroup.Find("/proc"); err == nil {
		mount = h.Mount
	}
	return inspect.System("/proc", mount, landlock.ABI).Inspect(pid)
}

// Inspect reports what isolates a container's first process.
func (c *Live) Inspect() (*inspect.Report, error) {
	report, err := Inspect(c.PID)
	if err != nil {
		return nil, err
	}
	// The process that was looked at is the container's if that still lives:
	// its PID was not free meanwhile.
	if ticks, err := startTicks("/proc", c.PID); err != nil || ticks != c.StartTicks {
		return nil, fmt.Errorf("inspect container %s: %w", c.ID, inspect.ErrEnded)
	}
	report.Container = c.ID
	return report, nil
}
