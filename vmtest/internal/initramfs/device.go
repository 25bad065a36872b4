package initramfs

import (
	"fmt"
	"io"
)

// writeDevice writes a newc entry for a character device. The cpio library
// has no fields for a device's numbers, so this header is written here; see
// the kernel's Documentation/driver-api/early-userspace/buffer-format.rst.
func writeDevice(w io.Writer, name string, inode, major, minor int) error {
	const charDevice, mode = 0o020000, 0o600
	fields := []int{
		inode, charDevice | mode, 0, 0, 1, 0, 0, // ino mode uid gid nlink mtime filesize
		0, 0, major, minor, len(name) + 1, 0, // dev dev rdev rdev namesize check
	}
	entry := []byte("070701")
	for _, f := range fields {
		entry = fmt.Appendf(entry, "%08X", f)
	}
	entry = append(entry, name...)
	entry = append(entry, 0)
	for len(entry)%4 != 0 {
		entry = append(entry, 0)
	}
	_, err := w.Write(entry)
	return err
}
