package minicontainer

import (
	"fmt"

	"golang.org/x/sys/unix"

	"namespaces-cgroups-ebpf/mini-container/internal/mountflags"
)

// privatePropagation cuts this mount namespace off from the host's: systemd
// makes / shared, and a copy of a shared mount stays in its peer group.
//
// With a bind mount that is to follow the host's (propagation slave) all stay
// slaves for the moment: what happens here still does not show on the host.
func privatePropagation(s *setup) error {
	propagation := uintptr(unix.MS_PRIVATE)
	if followsHost(s.Spec) {
		propagation = unix.MS_SLAVE
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|propagation, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	return nil
}

// bindRootfs makes the rootfs a mount of its own and keeps a descriptor of
// it: from here on every path is looked up below that descriptor.
func bindRootfs(s *setup) error {
	dir := s.Spec.Root.Path
	if err := s.placeRoot(dir); err != nil {
		return err
	}
	root, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open rootfs: %w", err)
	}
	s.root = root
	if err := unix.Mount("", procFD(root), "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make rootfs private: %w", err)
	}
	// A device node that came with the image must not open the host's disk.
	return remount(root, unix.MS_NODEV)
}

// placeRoot: a tree that the supervisor has prepared is only to be put there.
func (s *setup) placeRoot(dir string) error {
	if s.RootTree != 0 {
		if err := unix.MoveMount(s.RootTree, "", unix.AT_FDCWD, dir, unix.MOVE_MOUNT_F_EMPTY_PATH); err != nil {
			return fmt.Errorf("place idmapped rootfs: %w", err)
		}
		return nil
	}
	if err := unix.Mount(dir, dir, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("bind rootfs: %w", err)
	}
	return nil
}

// readonlyRoot comes after everything that is to be created in the rootfs.
// What is mounted on it keeps its own flags.
func readonlyRoot(s *setup) error {
	if err := remount(s.root, unix.MS_RDONLY); err != nil {
		return fmt.Errorf("make rootfs read-only: %w", err)
	}
	return nil
}

// remount adds flags to the mount that fd lies on. The flags it has must be
// given again: in a user namespace they are locked, and leaving one out is
// EPERM.
func remount(fd int, add uintptr) error {
	var st unix.Statfs_t
	if err := unix.Fstatfs(fd, &st); err != nil {
		return fmt.Errorf("read mount flags: %w", err)
	}
	flags := unix.MS_REMOUNT | unix.MS_BIND | add | mountflags.Kept(st.Flags)
	if err := unix.Mount("", procFD(fd), "", flags, ""); err != nil {
		return fmt.Errorf("remount: %w", err)
	}
	return nil
}

// pivotRoot swaps the rootfs for the host's root and lets go of the latter.
// With "." for both, the old root lies on top of the new one for a moment and
// no directory is needed to put it in: pivot_root(2), NOTES.
func pivotRoot(s *setup) error {
	if err := unix.Fchdir(s.root); err != nil {
		return fmt.Errorf("enter rootfs: %w", err)
	}
	if err := unix.PivotRoot(".", "."); err != nil {
		return fmt.Errorf("pivot root: %w", err)
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return fmt.Errorf("detach old root: %w", err)
	}
	unix.Close(s.root)
	s.root = -1
	if err := unix.Chdir("/"); err != nil {
		return fmt.Errorf("enter new root: %w", err)
	}
	return nil
}

// procFD names an open descriptor for system calls that only take a path.
// Until the pivot it is the host's /proc that answers, then our own.
func procFD(fd int) string { return fmt.Sprintf("/proc/self/fd/%d", fd) }
