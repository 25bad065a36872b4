package multitenantcgroups

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// ParseSize reads a number of bytes with an optional suffix K, M, G or T
// (powers of 1024), as the kernel's memparse does for memory.max, but without
// its leniency: no sign, no fraction, no hexadecimal, nothing past 2^63-1.
func ParseSize(text string) (uint64, error) {
	digits, shift := text, 0
	if text != "" {
		if i := strings.IndexByte("KMGT", text[len(text)-1]); i >= 0 {
			digits, shift = text[:len(text)-1], 10*(i+1)
		}
	}
	if strings.Trim(digits, "0123456789") != "" {
		return 0, fmt.Errorf("parse size %q: want digits and at most one of K, M, G, T", text)
	}
	n, err := strconv.ParseUint(digits, 10, 63)
	if err != nil {
		return 0, fmt.Errorf("parse size %q: %w", text, err)
	}
	if n > math.MaxInt64>>shift {
		return 0, fmt.Errorf("parse size %q: more than 2^63-1 bytes", text)
	}
	return n << shift, nil
}
