package inspect

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// noLimit is how the kernel writes that there is none.
const noLimit = "max"

// level is one cgroup on the way from a process's own up to the root.
type level struct {
	path  string
	files map[string]string // what is there, without the final newline
}

// limitFiles are the files of controllers that limit, and how those of
// several cgroups come together.
var limitFiles = []struct {
	name  string
	merge func(name string, chain []level) ([]Limit, error)
}{
	{"memory.max", lowest}, {"memory.high", lowest}, {"memory.swap.max", lowest}, {"pids.max", lowest},
	{"cpu.max", leastShare}, {"cpuset.cpus", allowed}, {"cpuset.mems", allowed}, {"io.max", perDevice},
}

// neededFiles is all that effectiveLimits looks at in a cgroup.
func neededFiles() []string {
	var names []string
	for _, f := range limitFiles {
		names = append(names, f.name)
	}
	return append(names, "cpuset.cpus.effective", "cpuset.mems.effective")
}

// effectiveLimits works out what holds in the first cgroup of the chain. A
// controller that is enabled nowhere on the way has no entry.
func effectiveLimits(chain []level) ([]Limit, error) {
	limits := []Limit{}
	for _, f := range limitFiles {
		found, err := f.merge(f.name, chain)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", f.name, err)
		}
		limits = append(limits, found...)
	}
	return limits, nil
}

// lowest is for plain numbers: the smallest on the way up holds.
func lowest(name string, chain []level) ([]Limit, error) {
	return tightest(name, chain, func(text string) (float64, error) {
		n, err := strconv.ParseUint(text, 10, 64)
		return float64(n), err
	})
}

// leastShare is for cpu.max: "QUOTA PERIOD".
func leastShare(name string, chain []level) ([]Limit, error) {
	return tightest(name, chain, func(text string) (float64, error) {
		quota, period, _ := strings.Cut(text, " ")
		q, err := strconv.ParseUint(quota, 10, 64)
		if err != nil {
			return 0, err
		}
		p, err := strconv.ParseUint(period, 10, 64)
		if err == nil && p == 0 {
			err = fmt.Errorf("period 0 in %q", text)
		}
		return float64(q) / float64(p), err
	})
}

func tightest(name string, chain []level, size func(string) (float64, error)) ([]Limit, error) {
	limit := Limit{File: name, Own: chain[0].files[name]}
	least := 0.0
	for _, l := range chain {
		text, found := l.files[name]
		if !found {
			continue
		}
		if limit.Effective == "" {
			limit.Effective = noLimit
		}
		if strings.HasPrefix(text, noLimit) {
			continue
		}
		n, err := size(text)
		if err != nil {
			return nil, err
		}
		if limit.SetBy == "" || n < least {
			least, limit.Effective, limit.SetBy = n, text, l.path
		}
	}
	if limit.Effective == "" {
		return nil, nil
	}
	return []Limit{limit}, nil
}

// allowed is for cpuset, where the kernel says itself what comes out.
func allowed(name string, chain []level) ([]Limit, error) {
	for _, l := range chain {
		if text, found := l.files[name+".effective"]; found {
			return []Limit{{File: name, Own: chain[0].files[name], Effective: text, SetBy: l.path}}, nil
		}
	}
	return nil, nil
}

// ioKeys is the order in which the kernel writes them.
var ioKeys = []string{"rbps", "wbps", "riops", "wiops"}

// perDevice is for io.max: "8:0 rbps=1048576 wbps=max riops=max wiops=max".
func perDevice(name string, chain []level) ([]Limit, error) {
	own, least := map[string]string{}, map[string]map[string]uint64{}
	for i, l := range chain {
		for line := range strings.Lines(l.files[name]) {
			device, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
			if i == 0 {
				own[device] = rest
			}
			if least[device] == nil {
				least[device] = map[string]uint64{}
			}
			if err := lower(least[device], rest); err != nil {
				return nil, err
			}
		}
	}
	var limits []Limit
	for _, device := range slices.Sorted(maps.Keys(least)) {
		limits = append(limits, Limit{File: name, Device: device, Own: own[device], Effective: ioText(least[device])})
	}
	return limits, nil
}

// lower keeps the smaller of each number.
func lower(least map[string]uint64, text string) error {
	for field := range strings.FieldsSeq(text) {
		key, value, _ := strings.Cut(field, "=")
		if !slices.Contains(ioKeys, key) {
			return fmt.Errorf("unknown key in %q", text)
		}
		if value == noLimit {
			continue
		}
		n, err := strconv.ParseUint(value, 10, 64)
		if err != nil {
			return err
		}
		if have, found := least[key]; !found || n < have {
			least[key] = n
		}
	}
	return nil
}

func ioText(least map[string]uint64) string {
	var words []string
	for _, key := range ioKeys {
		value := noLimit
		if n, found := least[key]; found {
			value = strconv.FormatUint(n, 10)
		}
		words = append(words, key+"="+value)
	}
	return strings.Join(words, " ")
}
