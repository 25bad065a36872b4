package cgroup

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// Write is one interface file to be set.
type Write struct {
	Controller string // that has the file: "memory"
	File       string // "memory.max"
	Value      string // never empty: an empty write(2) changes nothing
}

// Plan turns OCI resources into writes, in the order in which they must be
// made. A field that cgroup v2 has no file for is an error, never ignored: a
// container with fewer limits than asked for is worse than none. Devices are
// not here, for cgroup v2 filters them with a BPF program.
func Plan(r *specs.LinuxResources) ([]Write, error) {
	if r == nil {
		return nil, nil
	}
	planners := []func(*specs.LinuxResources) ([]Write, error){
		planPids, planMemory, planCPU, planIO, planCPUSet, planHugepages, planRDMA, planUnified,
	}
	var all []Write
	for _, plan := range planners {
		writes, err := plan(r)
		if err != nil {
			return nil, fmt.Errorf("plan limits: %w", err)
		}
		all = append(all, writes...)
	}
	return all, nil
}

// Controllers names, sorted, what the writes need.
func Controllers(writes []Write) []string {
	needed := map[string]bool{}
	for _, w := range writes {
		needed[w.Controller] = true
	}
	return slices.Sorted(maps.Keys(needed))
}

func planPids(r *specs.LinuxResources) ([]Write, error) {
	if r.Pids == nil || r.Pids.Limit == nil {
		return nil, nil
	}
	return []Write{{"pids", "pids.max", orMax(*r.Pids.Limit)}}, nil
}

func planHugepages(r *specs.LinuxResources) ([]Write, error) {
	var writes []Write
	for _, h := range r.HugepageLimits {
		if h.Pagesize == "" || strings.ContainsAny(h.Pagesize, "/.") {
			return nil, fmt.Errorf("huge page size %q is not one such as 2MB", h.Pagesize)
		}
		writes = append(writes, Write{"hugetlb", "hugetlb." + h.Pagesize + ".max", fmt.Sprint(h.Limit)})
	}
	return writes, nil
}

func planRDMA(r *specs.LinuxResources) ([]Write, error) {
	var writes []Write
	for _, device := range slices.Sorted(maps.Keys(r.Rdma)) {
		limit, value := r.Rdma[device], device
		if limit.HcaHandles != nil {
			value += fmt.Sprintf(" hca_handle=%d", *limit.HcaHandles)
		}
		if limit.HcaObjects != nil {
			value += fmt.Sprintf(" hca_object=%d", *limit.HcaObjects)
		}
		if value != device {
			writes = append(writes, Write{"rdma", "rdma.max", value})
		}
	}
	return writes, nil
}

// planUnified comes last: what is said in the kernel's own words wins.
func planUnified(r *specs.LinuxResources) ([]Write, error) {
	if r.Network != nil {
		return nil, errors.New("network class and priority have no counterpart in cgroup v2")
	}
	var writes []Write
	for _, file := range slices.Sorted(maps.Keys(r.Unified)) {
		controller, _, found := strings.Cut(file, ".")
		if !found || controller == "" || controller == "cgroup" || strings.ContainsAny(file, "/\x00") {
			return nil, fmt.Errorf("unified key %q is not a file of a controller, such as memory.high", file)
		}
		value := r.Unified[file]
		if strings.TrimSpace(value) == "" {
			return nil, fmt.Errorf("unified key %q has no value", file)
		}
		// One write per line: files with a line per device take no more.
		for line := range strings.Lines(value) {
			writes = append(writes, Write{controller, file, strings.TrimSpace(line)})
		}
	}
	return writes, nil
}

// orMax is a limit in the kernel's words; OCI says -1 for none.
func orMax(limit int64) string {
	if limit < 0 {
		return "max"
	}
	return fmt.Sprint(limit)
}
