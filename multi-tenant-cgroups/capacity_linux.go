package multitenantcgroups

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// MachineCapacity reads what the running machine has: its CPUs, MemTotal and
// kernel.pid_max.
func MachineCapacity() (Capacity, error) {
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return Capacity{}, fmt.Errorf("read memory size: %w", err)
	}
	text, err := os.ReadFile("/proc/sys/kernel/pid_max")
	if err != nil {
		return Capacity{}, fmt.Errorf("read pid limit: %w", err)
	}
	pids, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64)
	if err != nil {
		return Capacity{}, fmt.Errorf("read pid limit: %w", err)
	}
	return Capacity{CPUs: runtime.NumCPU(), MemoryBytes: uint64(info.Totalram) * uint64(info.Unit), Pids: pids}, nil
}
