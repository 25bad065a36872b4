package multitenantcgroups

import (
	"path"
	"slices"
	"strconv"
)

// usageKey is CPU time in microseconds.
var usageKey = counterKey{"cpu.stat", "usage_usec"}

// harmAndUse are the counters of harm, and the use that tells a tenant that was
// throttled from one that pays.
var harmAndUse = append(slices.Clone(harmOf), usageKey)

// harm reads the counters of all tenants but one.
func (v *verifier) harm(except string) (map[string]map[counterKey]string, error) {
	all := map[string]map[counterKey]string{}
	for _, t := range v.policy.Tenants {
		if t.Name == except {
			continue
		}
		cgroup := path.Join(v.policy.Root, t.Name)
		values, err := readCounters(v.tree, cgroup, harmAndUse)
		if err != nil {
			return nil, err
		}
		all[cgroup] = values
	}
	return all, nil
}

// compareHarm judges the neighbours. A change is a fail only where nobody else
// can have caused it: the tenants were empty, or it is inconclusive.
func (v *verifier) compareHarm(before map[string]map[counterKey]string) (Neighbours, error) {
	result := Neighbours{Verdict: Pass, Changed: []Counter{}}
	for _, t := range v.policy.Tenants {
		cgroup := path.Join(v.policy.Root, t.Name)
		old, ok := before[cgroup]
		if !ok {
			continue
		}
		now, err := readCounters(v.tree, cgroup, harmAndUse)
		if err != nil {
			return result, err
		}
		for _, c := range compare(cgroup, harmOf, old, now) {
			result.Checked++
			if c.Before != c.After && !repays(c, t.Limits[CPUMax], old, now) {
				result.Changed = append(result.Changed, c)
				result.Verdict = worse(result.Verdict, v.blame(cgroup))
			}
		}
	}
	return result, nil
}

// repays reports whether a tenant was throttled for what it used before. The
// kernel goes on counting in an empty cgroup until the debt of a stall is paid,
// and since Linux 6.18 at least until the next period. Work that is throttled
// now uses more than a quota first.
func repays(c Counter, cpuMax string, before, after map[counterKey]string) bool {
	if c.Key != "nr_throttled" {
		return false
	}
	old, errOld := strconv.ParseUint(before[usageKey], 10, 64)
	now, errNow := strconv.ParseUint(after[usageKey], 10, 64)
	return errOld == nil && errNow == nil && float64(now-old) < quotaOf(cpuMax)
}

func (v *verifier) blame(cgroup string) Verdict {
	events, err := v.tree.Read(cgroup, "cgroup.events")
	if populated, _ := pick(events, "populated"); err == nil && populated == "0" {
		return Fail
	}
	return Inconclusive
}
