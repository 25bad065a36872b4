package kernel

import (
	"fmt"
	"sort"
)

// Feature names something a kernel has from a certain version on.
type Feature string

// The features that code or tests of this module ask for.
const (
	CgroupKill    Feature = "cgroup.kill"              // cgroup.kill file
	CloneIntoCset Feature = "clone-into-cgroup+cpuset" // CLONE_INTO_CGROUP that honours cpuset
	KprobeMulti   Feature = "kprobe.multi"             // BPF_TRACE_KPROBE_MULTI links
	Landlock      Feature = "landlock"                 // Landlock, which Debian's kernels have on
	MemcgReclaim  Feature = "memory.reclaim"           // memory.reclaim and memory.peak files
	MPTCP         Feature = "mptcp"                    // Debian builds it from 6.1 on
	ModuleBTF     Feature = "module-btf"               // BTF of modules
	PidsEventsMax Feature = "pids.events-limiter"      // pids.events:max counts where the limit is
)

// since holds the first version with each feature. Sources: kernel
// documentation and boots of each Debian kernel from 5.10 to 7.2.
var since = map[Feature]Version{
	CgroupKill:    {5, 14, 0},
	CloneIntoCset: {6, 1, 0},
	KprobeMulti:   {5, 18, 0},
	Landlock:      {5, 13, 0},
	MemcgReclaim:  {5, 19, 0},
	MPTCP:         {6, 1, 0},
	ModuleBTF:     {5, 11, 0},
	PidsEventsMax: {6, 11, 0},
}

// Since returns the first kernel version with the feature.
func Since(f Feature) (Version, error) {
	v, ok := since[f]
	if !ok {
		return Version{}, fmt.Errorf("unknown kernel feature %q (known: %v)", f, Features())
	}
	return v, nil
}

// Features lists the known features, sorted.
func Features() []Feature {
	names := make([]Feature, 0, len(since))
	for f := range since {
		names = append(names, f)
	}
	sort.Slice(names, func(i, j int) bool { return names[i] < names[j] })
	return names
}

// UnsupportedError says that the running kernel is too old for a feature.
type UnsupportedError struct {
	Feature Feature
	Since   Version
	Running string // release of the running kernel
}

// Error reads "cgroup.kill needs kernel >= 5.14, running 5.10.0-46-cloud-amd64".
func (e *UnsupportedError) Error() string {
	return fmt.Sprintf("%s needs kernel >= %s, running %s", e.Feature, e.Since, e.Running)
}

// Check returns an UnsupportedError if release is older than the feature.
func Check(f Feature, release string) error {
	min, err := Since(f)
	if err != nil {
		return err
	}
	running, err := Parse(release)
	if err != nil {
		return err
	}
	if running.AtLeast(min) {
		return nil
	}
	return &UnsupportedError{Feature: f, Since: min, Running: release}
}
