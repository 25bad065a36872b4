package cgroupfs

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// ParseKeyed parses a flat keyed file ("KEY VALUE" lines, cgroup-v2.rst) such
// as memory.events, pids.events or cpu.stat. Values keep the file's unit. A
// line of another shape (nested keys, "max") is an error, never skipped.
func ParseKeyed(content string) (map[string]uint64, error) {
	values := map[string]uint64{}
	for line := range strings.Lines(content) {
		key, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if !ok || key == "" {
			return nil, fmt.Errorf("parse keyed line %q: want KEY VALUE", line)
		}
		n, err := strconv.ParseUint(value, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("parse keyed line %q: %w", line, err)
		}
		if _, twice := values[key]; twice {
			return nil, fmt.Errorf("parse keyed line %q: key occurs twice", line)
		}
		values[key] = n
	}
	return values, nil
}

// errNoPid is a process that has no pid here, which the kernel lists as 0.
var errNoPid = errors.New("process of another pid namespace")

// parsePids parses cgroup.procs. Pid 0 stands for a process outside the
// reader's pid namespace, or one that was reaped while the list was made; it is
// an error, since kill(0) hits the caller.
func parsePids(content string) ([]int, error) {
	var pids []int
	for _, field := range strings.Fields(content) {
		pid, err := strconv.Atoi(field)
		if err != nil {
			return nil, fmt.Errorf("parse pid %q: %w", field, err)
		}
		if pid <= 0 {
			return nil, fmt.Errorf("parse pid %q: %w", field, errNoPid)
		}
		pids = append(pids, pid)
	}
	return pids, nil
}
