package inspect

import (
	"strconv"
	"strings"

	"github.com/moby/sys/capability"
)

// CapabilityNames decodes a mask in order of bit number.
func CapabilityNames(mask uint64) []string {
	names := []string{}
	for bit := range 64 {
		if mask>>bit&1 == 1 {
			names = append(names, CapabilityName(capability.Cap(bit)))
		}
	}
	return names
}

// CapabilityName reads "CAP_KILL". One that we have no name for reads "CAP_63".
func CapabilityName(c capability.Cap) string {
	name := c.String()
	if name == "unknown" {
		name = strconv.Itoa(int(c))
	}
	return "CAP_" + strings.ToUpper(name)
}
