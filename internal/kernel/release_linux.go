package kernel

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Release returns the release of the running kernel, as uname(2) gives it.
func Release() (string, error) {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return "", fmt.Errorf("read kernel release: %w", err)
	}
	return unix.ByteSliceToString(u.Release[:]), nil
}
