package inspect

import (
	"strconv"
	"strings"

	"github.com/moby/sys/capability"
)

// CapabilityNames decodes a mask in order of bit number. A bit that we have no
// name for reads "CAP_63".
func CapabilityNames(mask uint64) []string {
	names := []string{}
	for bit := range 64 {
		if mask>>bit&1 == 0 {
			continue
		}
		name := capability.Cap(bit).String()
		if name == "unknown" {
			name = strconv.Itoa(bit)
		}
		names = append(names, "CAP_"+strings.ToUpper(name))
	}
	return names
}
