package cgroup

import (
	"errors"
	"fmt"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

func planIO(r *specs.LinuxResources) ([]Write, error) {
	b := r.BlockIO
	if b == nil {
		return nil, nil
	}
	if b.LeafWeight != nil {
		return nil, errors.New("blockIO.leafWeight has no counterpart in cgroup v2")
	}
	var writes []Write
	if b.Weight != nil && *b.Weight != 0 {
		writes = append(writes, Write{"io", "io.weight", fmt.Sprintf("default %d", ioWeight(*b.Weight))})
	}
	for _, d := range b.WeightDevice {
		if d.LeafWeight != nil {
			return nil, errors.New("blockIO.weightDevice.leafWeight has no counterpart in cgroup v2")
		}
		if d.Weight != nil && *d.Weight != 0 {
			writes = append(writes, Write{"io", "io.weight", fmt.Sprintf("%d:%d %d", d.Major, d.Minor, ioWeight(*d.Weight))})
		}
	}
	return append(writes, planThrottle(b)...), nil
}

// ioWeight maps the weight of cgroup v1 (10 to 1000) to that of v2 (1 to 10000).
func ioWeight(weight uint16) uint64 {
	w := min(max(uint64(weight), 10), 1000)
	return 1 + (w-10)*9999/990
}

// planThrottle makes one line per device, in the order in which the devices
// are first named.
func planThrottle(b *specs.LinuxBlockIO) []Write {
	kinds := []struct {
		key   string
		rates []specs.LinuxThrottleDevice
	}{
		{"rbps", b.ThrottleReadBpsDevice}, {"wbps", b.ThrottleWriteBpsDevice},
		{"riops", b.ThrottleReadIOPSDevice}, {"wiops", b.ThrottleWriteIOPSDevice},
	}
	var order []specs.LinuxBlockIODevice
	lines := map[specs.LinuxBlockIODevice][]string{}
	for _, kind := range kinds {
		for _, d := range kind.rates {
			if lines[d.LinuxBlockIODevice] == nil {
				order = append(order, d.LinuxBlockIODevice)
			}
			rate := "max" // 0 takes the limit away, as it did in v1
			if d.Rate != 0 {
				rate = fmt.Sprint(d.Rate)
			}
			lines[d.LinuxBlockIODevice] = append(lines[d.LinuxBlockIODevice], kind.key+"="+rate)
		}
	}
	var writes []Write
	for _, d := range order {
		writes = append(writes, Write{"io", "io.max", fmt.Sprintf("%d:%d %s", d.Major, d.Minor, strings.Join(lines[d], " "))})
	}
	return writes
}
