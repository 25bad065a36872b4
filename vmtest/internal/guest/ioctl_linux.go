package guest

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// rndReseedCRNG is _IO('R', 0x07) of linux/random.h.
const rndReseedCRNG = 0x5207

// ioctlBytes passes a variable-length structure; x/sys has no wrapper for one.
func ioctlBytes(fd int, request uint, data []byte) error {
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), uintptr(request), uintptr(unsafe.Pointer(&data[0])))
	if errno != 0 {
		return errno
	}
	return nil
}
