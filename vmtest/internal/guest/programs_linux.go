package guest

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// Programs lists the ids of all loaded BPF programs (bpf(2)); the kernel gives
// each a new one.
func (process1) Programs() []uint32 {
	var ids []uint32
	attr := struct{ start, next, flags uint32 }{}
	for len(ids) < maxInventory {
		_, _, errno := unix.Syscall(unix.SYS_BPF, unix.BPF_PROG_GET_NEXT_ID, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr))
		if errno != 0 {
			break // ENOENT: that was the last one
		}
		ids = append(ids, attr.next)
		attr.start = attr.next
	}
	return ids
}
