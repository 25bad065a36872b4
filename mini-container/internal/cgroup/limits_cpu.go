package cgroup

import (
	"errors"
	"fmt"
	"math"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// defaultPeriod is the kernel's, in microseconds.
const defaultPeriod = 100_000

func planCPU(r *specs.LinuxResources) ([]Write, error) {
	c := r.CPU
	if c == nil {
		return nil, nil
	}
	if c.RealtimeRuntime != nil || c.RealtimePeriod != nil {
		return nil, errors.New("realtime limits have no counterpart in cgroup v2")
	}
	var writes []Write
	if c.Idle != nil { // first: in an idle cgroup cpu.weight is refused
		writes = append(writes, Write{"cpu", "cpu.idle", fmt.Sprint(*c.Idle)})
	}
	if c.Shares != nil && *c.Shares != 0 {
		writes = append(writes, Write{"cpu", "cpu.weight", fmt.Sprint(weightOfShares(*c.Shares))})
	}
	if c.Quota != nil || c.Period != nil {
		writes = append(writes, Write{"cpu", "cpu.max", cpuMax(c)})
	}
	if c.Burst != nil { // last: it may not be more than the quota
		writes = append(writes, Write{"cpu", "cpu.max.burst", fmt.Sprint(*c.Burst)})
	}
	return writes, nil
}

func cpuMax(c *specs.LinuxCPU) string {
	quota, period := "max", uint64(defaultPeriod)
	if c.Quota != nil && *c.Quota > 0 {
		quota = fmt.Sprint(*c.Quota)
	}
	if c.Period != nil && *c.Period > 0 {
		period = *c.Period
	}
	return fmt.Sprintf("%s %d", quota, period)
}

// weightOfShares maps the shares of cgroup v1 (2 to 262144, 1024 is usual) to
// a weight (1 to 10000, 100 is usual) so that the ends and the usual value
// meet. A straight line between the ends would make 39 of 1024.
func weightOfShares(shares uint64) uint64 {
	shares = min(max(shares, 2), 262144)
	l := math.Log2(float64(shares))
	exponent := (l*l+125*l)/612 - 7.0/34
	return uint64(math.Ceil(math.Pow(10, exponent)))
}

func planCPUSet(r *specs.LinuxResources) ([]Write, error) {
	if r.CPU == nil {
		return nil, nil
	}
	var writes []Write
	if r.CPU.Cpus != "" {
		writes = append(writes, Write{"cpuset", "cpuset.cpus", r.CPU.Cpus})
	}
	if r.CPU.Mems != "" {
		writes = append(writes, Write{"cpuset", "cpuset.mems", r.CPU.Mems})
	}
	return writes, nil
}
