package minicontainer

import (
	"fmt"
	"strings"
	"sync"

	"github.com/moby/sys/capability"
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
		numbers[capName(c)] = c
	}
	return numbers
})

// capName is what inspect.CapabilityNames calls it.
func capName(c capability.Cap) string {
	name := c.String()
	if name == "unknown" {
		name = fmt.Sprint(int(c))
	}
	return "CAP_" + strings.ToUpper(name)
}

// knownCaps has a bit for each capability that we have a name for.
func knownCaps() uint64 {
	var mask uint64
	for _, c := range capability.ListKnown() {
		mask |= 1 << uint(c)
	}
	return mask
}
