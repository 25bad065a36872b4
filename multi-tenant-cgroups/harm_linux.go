package multitenantcgroups

import "path"

// harm reads the counters of all tenants but one.
func (v *verifier) harm(except string) (map[string]map[counterKey]string, error) {
	all := map[string]map[counterKey]string{}
	for _, t := range v.policy.Tenants {
		if t.Name == except {
			continue
		}
		cgroup := path.Join(v.policy.Root, t.Name)
		values, err := readCounters(v.tree, cgroup, harmOf)
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
		now, err := readCounters(v.tree, cgroup, harmOf)
		if err != nil {
			return result, err
		}
		for _, c := range compare(cgroup, harmOf, old, now) {
			result.Checked++
			if c.Before != c.After {
				result.Changed = append(result.Changed, c)
				result.Verdict = worse(result.Verdict, v.blame(cgroup))
			}
		}
	}
	return result, nil
}

func (v *verifier) blame(cgroup string) Verdict {
	events, err := v.tree.Read(cgroup, "cgroup.events")
	if populated, _ := pick(events, "populated"); err == nil && populated == "0" {
		return Fail
	}
	return Inconclusive
}
