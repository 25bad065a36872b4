//go:build unix

package guest

import "syscall"

const openNonblock = syscall.O_NONBLOCK
