package main

import (
	"fmt"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"github.com/spf13/pflag"

	minicontainer "namespaces-cgroups-ebpf/mini-container"
)

// limitFlags are the limits that run sets and update changes.
type limitFlags struct {
	memory, swap, high, low string
	cpus                    float64
	weight, pids            int64
	cpuset, mems            string
	unified, rates          []string
	devices                 []string
	given                   func(flag string) bool // on the command line
}

func (f *limitFlags) add(flags *pflag.FlagSet) {
	f.given = flags.Changed
	flags.StringVar(&f.memory, "memory", "", "memory.max: `SIZE` such as 64M; more is reclaimed, then killed for")
	flags.StringVar(&f.swap, "memory-swap", "", "memory.swap.max: `SIZE` of swap alone")
	flags.StringVar(&f.high, "memory-high", "", "memory.high: `SIZE` above which the container is slowed down")
	flags.StringVar(&f.low, "memory-low", "", "memory.low: `SIZE` that is not reclaimed while others have more")
	flags.Float64Var(&f.cpus, "cpus", 0, "cpu.max: processor time, `N` processors' worth")
	flags.Int64Var(&f.weight, "cpu-weight", 0, "cpu.weight: share of a contended processor, `N` of 1 to 10000, 100 is usual")
	flags.Int64Var(&f.pids, "pids", 0, "pids.max: `N` processes and threads; -1 is no limit")
	flags.StringVar(&f.cpuset, "cpuset-cpus", "", "cpuset.cpus: `LIST` such as 0-1,3")
	flags.StringVar(&f.mems, "cpuset-mems", "", "cpuset.mems: `LIST` of memory nodes")
	flags.StringArrayVar(&f.rates, "io-max", nil, "io.max: `LINE` such as '254:0 rbps=1048576 wiops=100'; may be repeated")
	flags.StringArrayVar(&f.devices, "device-rule", nil, "after all others but those for /dev/null and the like: `RULE` such as 'allow c 10:232 rw' or 'deny a *:* w'; may be repeated")
	flags.StringArrayVar(&f.unified, "cgroup-file", nil, "set any controller's file: `FILE=VALUE` such as memory.oom.group=1; may be repeated")
}

// resources is nil if nothing is limited.
func (f *limitFlags) resources() (*specs.LinuxResources, error) {
	r := &specs.LinuxResources{Unified: map[string]string{}}
	if err := f.sizes(r.Unified); err != nil {
		return nil, err
	}
	if err := f.processors(r); err != nil {
		return nil, err
	}
	if f.given("pids") {
		r.Pids = &specs.LinuxPids{Limit: &f.pids}
	}
	if len(f.rates) > 0 {
		r.Unified["io.max"] = strings.Join(f.rates, "\n")
	}
	for _, text := range f.unified {
		file, value, found := strings.Cut(text, "=")
		if !found || value == "" {
			return nil, fmt.Errorf("--cgroup-file %q is not FILE=VALUE", text)
		}
		r.Unified[file] = value
	}
	for _, text := range f.devices {
		rule, err := minicontainer.ParseDeviceRule(text)
		if err != nil {
			return nil, err
		}
		r.Devices = append(r.Devices, rule)
	}
	if len(r.Unified) == 0 && r.CPU == nil && r.Pids == nil && len(r.Devices) == 0 {
		return nil, nil
	}
	return r, nil
}

// sizes are set in the kernel's own words. OCI's count swap with memory.
func (f *limitFlags) sizes(unified map[string]string) error {
	for file, text := range map[string]string{
		"memory.max": f.memory, "memory.swap.max": f.swap, "memory.high": f.high, "memory.low": f.low,
	} {
		switch text {
		case "":
			continue
		case "max":
			unified[file] = text
			continue
		}
		size, err := minicontainer.ParseBytes(text)
		if err != nil {
			return fmt.Errorf("limit %s: %w", file, err)
		}
		unified[file] = strconv.FormatInt(size, 10)
	}
	return nil
}

func (f *limitFlags) processors(r *specs.LinuxResources) error {
	const period, least, most = 100_000, 0.01, 10_000 // microseconds; processors, the kernel wants 1 ms at least
	if f.given("cpu-weight") {
		r.Unified["cpu.weight"] = strconv.FormatInt(f.weight, 10)
	}
	limited := f.given("cpus")
	if limited && !(f.cpus >= least && f.cpus <= most) {
		return fmt.Errorf("--cpus %v is not a number of processors from %v to %d", f.cpus, least, most)
	}
	if !limited && f.cpuset == "" && f.mems == "" {
		return nil
	}
	r.CPU = &specs.LinuxCPU{Cpus: f.cpuset, Mems: f.mems}
	if limited {
		quota := int64(f.cpus * period)
		r.CPU.Quota = &quota
	}
	return nil
}
