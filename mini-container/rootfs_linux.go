package minicontainer

import (
	"errors"
	"fmt"
	"path"

	"golang.org/x/sys/unix"

	"namespaces-cgroups-ebpf/internal/exitcode"
)

// privatePropagation cuts this mount namespace off from the host's: systemd
// makes / shared, and a copy of a shared mount stays in its peer group.
func privatePropagation(*setup) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	return nil
}

// bindRootfs makes the rootfs a mount of its own and keeps a descriptor of
// it: from here on every path is looked up below that descriptor.
func bindRootfs(s *setup) error {
	dir := s.Spec.Root.Path
	if err := unix.Mount(dir, dir, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("bind rootfs: %w", err)
	}
	root, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open rootfs: %w", err)
	}
	s.root = root
	// A device node that came with the image must not open the host's disk.
	return remount(root, unix.MS_NODEV)
}

// remount adds flags to the mount that fd lies on. The flags it has must be
// given again: in a user namespace they are locked, and leaving one out is
// EPERM.
func remount(fd int, add uintptr) error {
	var st unix.Statfs_t
	if err := unix.Fstatfs(fd, &st); err != nil {
		return fmt.Errorf("read mount flags: %w", err)
	}
	flags := unix.MS_REMOUNT | unix.MS_BIND | add | keptFlags(st.Flags)
	if err := unix.Mount("", procFD(fd), "", flags, ""); err != nil {
		return fmt.Errorf("remount: %w", err)
	}
	return nil
}

// keptFlags translates what statfs(2) says of a mount into what mount(2)
// wants. The two agree except for relatime.
func keptFlags(st int64) uintptr {
	same := int64(unix.ST_RDONLY | unix.ST_NOSUID | unix.ST_NODEV | unix.ST_NOEXEC | unix.ST_NOATIME | unix.ST_NODIRATIME)
	flags := uintptr(st & same)
	if st&unix.ST_RELATIME != 0 {
		flags |= unix.MS_RELATIME
	}
	return flags
}

// openInRoot opens a path below the rootfs as an O_PATH descriptor. It never
// leaves the rootfs and refuses symbolic links: an image whose /proc is a link
// turned mounts and writes against the host (CVE-2019-19921, CVE-2026-41579).
func openInRoot(root int, name string) (int, error) {
	fd, err := unix.Openat2(root, name, &unix.OpenHow{
		Flags:   unix.O_PATH | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS | unix.RESOLVE_NO_SYMLINKS,
	})
	if errors.Is(err, unix.ELOOP) {
		return -1, exitcode.With(exitcode.Usage, fmt.Errorf("open %s in rootfs: it is, or lies behind, a symbolic link; refused", name))
	}
	if err != nil {
		return -1, fmt.Errorf("open %s in rootfs: %w", name, err)
	}
	return fd, nil
}

// ensureDir opens a directory below the rootfs, made if it is not there.
func ensureDir(root int, name string) (int, error) {
	fd, err := openInRoot(root, name)
	if errors.Is(err, unix.ENOENT) && name != "/" {
		if err := makeDir(root, name); err != nil {
			return -1, err
		}
		fd, err = openInRoot(root, name)
	}
	if err != nil {
		return -1, err
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFDIR {
		unix.Close(fd)
		return -1, exitcode.With(exitcode.Usage, fmt.Errorf("open %s in rootfs: not a directory", name))
	}
	return fd, nil
}

func makeDir(root int, name string) error {
	parent, err := ensureDir(root, path.Dir(name))
	if err != nil {
		return err
	}
	defer unix.Close(parent)
	err = unix.Mkdirat(parent, path.Base(name), 0o755)
	switch {
	case errors.Is(err, unix.EACCES), errors.Is(err, unix.EROFS):
		return exitcode.With(exitcode.Usage, fmt.Errorf("create %s in rootfs: %w (create it yourself, empty)", name, err))
	case err != nil && !errors.Is(err, unix.EEXIST):
		return fmt.Errorf("create %s in rootfs: %w", name, err)
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
// It works until the pivot, while the host's /proc is there.
func procFD(fd int) string { return fmt.Sprintf("/proc/self/fd/%d", fd) }
