package minicontainer

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// ParseBytes reads a size such as "64M": a whole number with, perhaps, one of
// the letters K, M, G, T for powers of 1024.
func ParseBytes(text string) (int64, error) {
	digits, unit := text, int64(1)
	if i := strings.IndexAny(strings.ToUpper(text), "KMGT"); i >= 0 && i == len(text)-1 {
		digits, unit = text[:i], 1<<(10*(strings.IndexByte("KMGT", strings.ToUpper(text)[i])+1))
	}
	n, err := strconv.ParseUint(digits, 10, 63)
	if err != nil || n > uint64(math.MaxInt64/unit) {
		return 0, fmt.Errorf("size %q is not a number of bytes such as 65536 or 64M", text)
	}
	return int64(n) * unit, nil
}
