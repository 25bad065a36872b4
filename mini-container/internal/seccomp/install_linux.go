package seccomp

import (
	"errors"
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Install puts the filter on this thread, for good. The thread needs
// no_new_privs or CAP_SYS_ADMIN.
func (f *Filter) Install() error {
	count := len(f.Program) / instructionSize
	if count == 0 || count > MaxInstructions {
		return errors.New("install seccomp filter: no program")
	}
	program := unix.SockFprog{Len: uint16(count), Filter: (*unix.SockFilter)(unsafe.Pointer(&f.Program[0]))}
	_, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, f.Flags, uintptr(unsafe.Pointer(&program)))
	runtime.KeepAlive(f)
	if errno != 0 {
		return fmt.Errorf("install seccomp filter: %w", errno)
	}
	return nil
}
