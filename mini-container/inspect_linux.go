package minicontainer

import (
	"fmt"

	"github.com/moby/sys/mountinfo"

	"namespaces-cgroups-ebpf/mini-container/internal/cgroup"
	"namespaces-cgroups-ebpf/mini-container/internal/inspect"
	"namespaces-cgroups-ebpf/mini-container/internal/landlock"
)

// Inspect reports what isolates a process of the running kernel, whoever
// started it.
func Inspect(pid int) (*inspect.Report, error) {
	mount, root := "", ""
	if h, err := cgroup.Find("/proc"); err == nil {
		mount, root = h.Mount, rootOf(h.Mount)
	}
	return inspect.System("/proc", mount, root, landlock.ABI).Inspect(pid)
}

// rootOf is the cgroup that is mounted somewhere, from the root of our cgroup
// namespace; "" if that is not to be had: then it is that root most likely.
func rootOf(mount string) string {
	infos, err := mountinfo.GetMounts(func(m *mountinfo.Info) (skip, stop bool) { return m.Mountpoint != mount, false })
	if err != nil || len(infos) == 0 {
		return ""
	}
	return infos[len(infos)-1].Root // which lies on top
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
