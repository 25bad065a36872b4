package minicontainer

import (
	"fmt"
	"sync"

	"github.com/moby/sys/capability"

	"namespaces-cgroups-ebpf/mini-container/internal/inspect"
)

// capMask turns names such as "CAP_KILL" into the bit mask that
// /proc/PID/status prints and capset(2) takes.
func capMask(names []string) (uint64, error) {
	var mask uint64
	for _, name := range names {
		number, known := capsByName()[name]
		if !known {
			return 0, fmt.Errorf("unknown capability %q", name)
		}
		mask |= 1 << uint(number)
	}
	return mask, nil
}

var capsByName = sync.OnceValue(func() map[string]capability.Cap {
	numbers := map[string]capability.Cap{}
	for _, c := range capability.ListKnown() {
		numbers[inspect.CapabilityName(c)] = c
	}
	return numbers
})

// knownCaps has a bit for each capability that we have a name for.
func knownCaps() uint64 {
	var mask uint64
	for _, c := range capability.ListKnown() {
		mask |= 1 << uint(c)
	}
	return mask
}
