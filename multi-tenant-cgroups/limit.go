package multitenantcgroups

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// The controls that a policy can limit: names of interface files.
const (
	MemoryMax  = "memory.max"
	SwapMax    = "memory.swap.max"
	PidsMax    = "pids.max"
	CPUMax     = "cpu.max"
	unlimited  = "max"
	cpuPeriod  = 100000  // microseconds, the kernel's default
	pidMaxEver = 4194304 // PID_MAX_LIMIT on 64-bit kernels
)

// Controls lists the controls in the order in which they are written. Swap
// comes before memory, so that no swap is used while memory.max shrinks.
var Controls = []string{PidsMax, SwapMax, MemoryMax, CPUMax}

// controllerOf returns the controller that a control belongs to.
func controllerOf(control string) string {
	name, _, _ := strings.Cut(control, ".")
	return name
}

// Canonical returns value as the kernel will show it after it was written to
// control: sizes in bytes rounded down to pageSize, "max" where the kernel
// says so, cpu.max with its period. It is an error if the kernel would refuse
// the value (errors as measured from 5.10 to 7.2).
func Canonical(control, value string, pageSize uint64) (string, error) {
	switch control {
	case MemoryMax, SwapMax:
		return canonicalSize(value, pageSize)
	case PidsMax:
		return canonicalPids(value)
	case CPUMax:
		quota, period, err := parseCPUMax(value)
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("%s %d", quota, period), nil
	}
	return "", fmt.Errorf("unknown control %q", control)
}

func canonicalSize(value string, pageSize uint64) (string, error) {
	if value == unlimited {
		return value, nil
	}
	n, err := ParseSize(value)
	if err != nil {
		return "", err
	}
	if n/pageSize >= math.MaxInt64/pageSize {
		return unlimited, nil
	}
	return strconv.FormatUint(n/pageSize*pageSize, 10), nil
}

func canonicalPids(value string) (string, error) {
	if value == unlimited {
		return value, nil
	}
	n, err := strconv.ParseUint(value, 10, 32)
	if err != nil || n > pidMaxEver {
		return "", fmt.Errorf("parse pids.max %q: want max or a number up to %d", value, pidMaxEver)
	}
	return strconv.FormatUint(n, 10), nil
}

// parseCPUMax splits "QUOTA PERIOD", both in microseconds. quota may be "max".
func parseCPUMax(value string) (quota string, period uint64, err error) {
	fields := strings.Split(value, " ")
	period = cpuPeriod
	if len(fields) == 2 {
		period, err = strconv.ParseUint(fields[1], 10, 32)
	}
	if err != nil || len(fields) > 2 || period < 1000 || period > 1000000 {
		return "", 0, fmt.Errorf("parse cpu.max %q: want QUOTA PERIOD with a period of 1000 to 1000000 us", value)
	}
	if fields[0] == unlimited {
		return unlimited, period, nil
	}
	n, err := strconv.ParseUint(fields[0], 10, 50)
	if err != nil || n < 1000 {
		return "", 0, fmt.Errorf("parse cpu.max %q: want a quota of at least 1000 us, or max", value)
	}
	return strconv.FormatUint(n, 10), period, nil
}

// cpuShare returns what a cpu.max value allows, in CPUs; 0.5 for
// "50000 100000". ok is false if there is no limit.
func cpuShare(value string) (cpus float64, ok bool) {
	quota, period, err := parseCPUMax(value)
	if err != nil || quota == unlimited {
		return 0, false
	}
	n, _ := strconv.ParseUint(quota, 10, 64)
	return float64(n) / float64(period), true
}
