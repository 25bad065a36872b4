package multitenantcgroups

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
)

// counterKey names one value of an interface file. key is "" for files that
// hold a single value.
type counterKey struct{ file, key string }

// evidenceOf lists the counters that a proof of a control shows.
var evidenceOf = map[string][]counterKey{
	MemoryMax: {{"memory.current", ""}, {"memory.peak", ""}, {"memory.events", "max"}, {"memory.events", "oom"}, {"memory.events", "oom_kill"}},
	PidsMax:   {{"pids.current", ""}, {"pids.peak", ""}, {"pids.events", "max"}},
	CPUMax:    {{"cpu.stat", "usage_usec"}, {"cpu.stat", "nr_periods"}, {"cpu.stat", "nr_throttled"}, {"cpu.stat", "throttled_usec"}},
}

// harmOf lists the counters of a tenant that only grow when one of its own
// limits acts.
var harmOf = []counterKey{
	{"memory.events", "max"}, {"memory.events", "oom"}, {"memory.events", "oom_kill"},
	{"pids.events", "max"}, {"cpu.stat", "nr_throttled"},
}

// readCounters reads counters; what this kernel does not have is left out.
func readCounters(tree Tree, cgroup string, keys []counterKey) (map[counterKey]string, error) {
	values := map[counterKey]string{}
	for _, k := range keys {
		content, err := tree.Read(cgroup, k.file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read counters: %w", err)
		}
		if value, ok := pick(content, k.key); ok {
			values[k] = value
		}
	}
	return values, nil
}

// pick finds the value of key in a flat keyed file.
func pick(content, key string) (string, bool) {
	if key == "" {
		return content, true
	}
	for line := range strings.Lines(content) {
		if value, ok := strings.CutPrefix(line, key+" "); ok {
			return strings.TrimSpace(value), true
		}
	}
	return "", false
}

// missing lists the interface files behind keys that are not in values.
func missing(keys []counterKey, values map[counterKey]string) []string {
	var files []string
	for _, k := range keys {
		if _, ok := values[k]; !ok {
			files = append(files, k.file)
		}
	}
	return slices.Compact(files)
}

// compare pairs two readings of the same counters, in the order of keys.
func compare(cgroup string, keys []counterKey, before, after map[counterKey]string) []Counter {
	pairs := []Counter{}
	for _, k := range keys {
		if a, ok := after[k]; ok {
			pairs = append(pairs, Counter{Cgroup: cgroup, File: k.file, Key: k.key, Before: before[k], After: a})
		}
	}
	return pairs
}

// growth is how much a counter grew; 0 if it is not there.
func growth(pairs []Counter, file, key string) uint64 {
	for _, c := range pairs {
		if c.File == file && c.Key == key {
			before, _ := strconv.ParseUint(c.Before, 10, 64)
			after, _ := strconv.ParseUint(c.After, 10, 64)
			return after - before
		}
	}
	return 0
}
