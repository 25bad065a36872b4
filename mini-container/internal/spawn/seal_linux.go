package spawn

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// sealImage replaces the descriptor to execute by one on a read-only copy of
// the mount that the executable is on. Whoever opens /proc/PID/exe later gets
// a file on that mount, and EROFS when opening it again to write.
//
//go:nosplit
//go:norace
func (r *rawPlan) sealImage() unix.Errno {
	at := unix.AT_FDCWD
	tree, _, errno := unix.RawSyscall(unix.SYS_OPEN_TREE, uintptr(at), uintptr(unsafe.Pointer(r.imagePath)),
		unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
	if errno != 0 {
		return errno
	}
	if tree, _, errno = unix.RawSyscall(unix.SYS_FCNTL, tree, unix.F_DUPFD_CLOEXEC, uintptr(r.high)); errno != 0 {
		return errno
	}
	if errno = r.sameImage(tree); errno != 0 {
		return errno
	}
	attr := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}
	_, _, errno = unix.RawSyscall6(unix.SYS_MOUNT_SETATTR, tree, uintptr(unsafe.Pointer(r.empty)), unix.AT_EMPTY_PATH,
		uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr), 0)
	if errno == unix.ENOSYS { // before Linux 5.12
		errno = r.sealAttached(tree)
	}
	r.image = int(tree)
	return errno
}

// sameImage makes sure that the path still names the running executable.
//
//go:nosplit
//go:norace
func (r *rawPlan) sameImage(tree uintptr) unix.Errno {
	st := &r.scratch // the stack has no room for it
	if _, _, errno := unix.RawSyscall(unix.SYS_FSTAT, tree, uintptr(unsafe.Pointer(st)), 0); errno != 0 {
		return errno
	}
	if st.Dev != r.imageStat.Dev || st.Ino != r.imageStat.Ino {
		return unix.ESTALE
	}
	return 0
}

// sealAttached does it with what old kernels have: only a mount that is
// somewhere can be made read-only. It goes over the executable in this mount
// namespace, from which nothing may reach the host's any more by then.
//
//go:nosplit
//go:norace
func (r *rawPlan) sealAttached(tree uintptr) unix.Errno {
	root := [2]byte{'/', 0}
	_, _, errno := unix.RawSyscall6(unix.SYS_MOUNT, 0, uintptr(unsafe.Pointer(&root)), 0, unix.MS_REC|unix.MS_SLAVE, 0, 0)
	if errno != 0 {
		return errno
	}
	at := unix.AT_FDCWD
	_, _, errno = unix.RawSyscall6(unix.SYS_MOVE_MOUNT, tree, uintptr(unsafe.Pointer(r.empty)), uintptr(at),
		uintptr(unsafe.Pointer(r.imagePath)), unix.MOVE_MOUNT_F_EMPTY_PATH, 0)
	if errno != 0 {
		return errno
	}
	_, _, errno = unix.RawSyscall6(unix.SYS_MOUNT, 0, uintptr(unsafe.Pointer(r.imagePath)), 0,
		unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY|r.imageFlags, 0, 0)
	return errno
}
