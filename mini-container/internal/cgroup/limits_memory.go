package cgroup

import (
	"errors"
	"fmt"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// planMemory sets swap before memory: a limit on memory alone would push what
// is over it out to swap before that is limited.
func planMemory(r *specs.LinuxResources) ([]Write, error) {
	m := r.Memory
	if m == nil {
		return nil, nil
	}
	if err := checkMemory(m); err != nil {
		return nil, err
	}
	var writes []Write
	if m.Swap != nil {
		swap, err := swapMax(m)
		if err != nil {
			return nil, err
		}
		writes = append(writes, Write{"memory", "memory.swap.max", swap})
	}
	if m.Limit != nil {
		writes = append(writes, Write{"memory", "memory.max", orMax(*m.Limit)})
	}
	if m.Reservation != nil {
		writes = append(writes, Write{"memory", "memory.low", orMax(*m.Reservation)})
	}
	return writes, nil
}

func checkMemory(m *specs.LinuxMemory) error {
	//nolint:staticcheck // deprecated, and so refused
	kernel := m.Kernel
	switch {
	case kernel != nil:
		return errors.New("memory.kernel: cgroup v2 counts kernel memory as memory")
	case m.KernelTCP != nil:
		return errors.New("memory.kernelTCP: cgroup v2 counts socket memory as memory")
	case m.Swappiness != nil:
		return errors.New("memory.swappiness has no counterpart in cgroup v2")
	case m.DisableOOMKiller != nil && *m.DisableOOMKiller:
		return errors.New("memory.disableOOMKiller: cgroup v2 cannot switch the OOM killer off")
	case m.UseHierarchy != nil && !*m.UseHierarchy:
		return errors.New("memory.useHierarchy: cgroup v2 always counts children")
	case m.Limit != nil && *m.Limit == 0:
		return errors.New("memory.limit of 0 leaves no memory to start in")
	}
	return nil
}

// swapMax: OCI counts memory and swap together, cgroup v2 swap alone.
func swapMax(m *specs.LinuxMemory) (string, error) {
	switch {
	case *m.Swap < 0:
		return "max", nil
	case m.Limit == nil || *m.Limit < 0:
		return "", errors.New("memory.swap counts memory and swap together: it needs memory.limit")
	case *m.Swap < *m.Limit:
		return "", fmt.Errorf("memory.swap of %d counts memory and swap together: it is below memory.limit of %d", *m.Swap, *m.Limit)
	}
	return fmt.Sprint(*m.Swap - *m.Limit), nil
}
