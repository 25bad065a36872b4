package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// kernelObjects counts what the kernel has of things that have no name once
// nobody is in them: what is held by a forgotten descriptor, or by a reference
// that the kernel has lost. What a kernel does not show is left out.
func kernelObjects(proc, cgroups string) map[string]int {
	found := map[string]int{}
	for name, where := range map[string][2]string{
		"network namespaces in slabs": {filepath.Join(proc, "slabinfo"), "net_namespace"},
		"dying cgroups":               {filepath.Join(cgroups, "cgroup.stat"), "nr_dying_descendants"},
	} {
		if n, err := numberAfter(where[0], where[1]); err == nil {
			found[name] = n
		}
	}
	return found
}

// numberAfter reads a file of lines "KEY NUMBER ...".
func numberAfter(path, key string) (int, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == key {
			return strconv.Atoi(fields[1])
		}
	}
	return 0, fmt.Errorf("%s has no line %s", path, key)
}

// grown is what there is more. The kernel keeps a few of these for their own
// sake, until memory is short; from each run one would be a leak.
func grown(before, after, runs int) []string {
	const kept = 32 // two slabs of network namespaces
	if after-before < max(runs/2, kept) {
		return []string{}
	}
	return []string{fmt.Sprintf("%d more", after-before)}
}
