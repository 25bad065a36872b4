package minicontainer

import (
	"errors"
	"fmt"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"namespaces-cgroups-ebpf/internal/exitcode"
)

// bind shows a file or directory of the host in the container. The copy of
// the mount is in no namespace until it lies, by descriptor, on its target: no
// path in the rootfs is looked up twice (CVE-2021-30465).
func (s *setup) bind(index int, m specs.Mount) error {
	options := parseMountOptions(m.Options)
	tree, err := s.sourceTree(index, m, options)
	if err != nil {
		return err
	}
	defer unix.Close(tree)
	target, err := s.bindTarget(tree, m.Destination)
	if err != nil {
		return err
	}
	defer unix.Close(target)
	if err := notProc(target, m.Destination); err != nil {
		return err
	}
	if err := unix.MoveMount(tree, "", target, "", unix.MOVE_MOUNT_F_EMPTY_PATH|unix.MOVE_MOUNT_T_EMPTY_PATH); err != nil {
		return fmt.Errorf("bind %s on %s: %w", m.Source, m.Destination, err)
	}
	if err := setBindOptions(tree, options); err != nil {
		return fmt.Errorf("bind %s on %s: %w", m.Source, m.Destination, err)
	}
	return nil
}

// sourceTree is a copy of the mount at the source, or the one that the
// supervisor has idmapped.
func (s *setup) sourceTree(index int, m specs.Mount, options mountOptions) (int, error) {
	if fd, prepared := s.MountTrees[index]; prepared {
		return fd, nil
	}
	flags := uint(unix.OPEN_TREE_CLONE | unix.OPEN_TREE_CLOEXEC)
	if options.recursive {
		flags |= unix.AT_RECURSIVE
	}
	tree, err := unix.OpenTree(unix.AT_FDCWD, m.Source, flags)
	if err == nil {
		return tree, nil
	}
	err = fmt.Errorf("open %s to bind it: %w", m.Source, err)
	if errors.Is(err, unix.EINVAL) && !options.recursive {
		return -1, exitcode.With(exitcode.Usage, fmt.Errorf("%w (something that a user namespace must not uncover is mounted below; use rbind)", err))
	}
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EACCES) || errors.Is(err, unix.ENOTDIR) {
		return -1, exitcode.With(exitcode.Usage, err)
	}
	return -1, err
}

// bindTarget opens where to put a tree; a symbolic link in the rootfs is
// followed, but never out of it.
func (s *setup) bindTarget(tree int, destination string) (int, error) {
	var st unix.Stat_t
	if err := unix.Fstat(tree, &st); err != nil {
		return -1, fmt.Errorf("stat source of %s: %w", destination, err)
	}
	if st.Mode&unix.S_IFMT == unix.S_IFDIR {
		return ensureDirBelow(s.root, destination, lenient)
	}
	return ensureFile(s.root, destination, lenient)
}

// notProc: a link in the image may lead a bind mount over /proc, which is
// procfs alone, whatever its name (CVE-2023-27561).
func notProc(target int, destination string) error {
	var st unix.Statfs_t
	if err := unix.Fstatfs(target, &st); err != nil {
		return fmt.Errorf("check %s: %w", destination, err)
	}
	if st.Type == unix.PROC_SUPER_MAGIC {
		return exitcode.With(exitcode.Usage, fmt.Errorf("mount on %s: the rootfs has a link to /proc there, which is for procfs alone", destination))
	}
	return nil
}

// setBindOptions works on the mount that tree is the root of. Device nodes do
// not work there unless asked for.
func setBindOptions(tree int, options mountOptions) error {
	propagation := options.propagation
	if propagation == 0 {
		propagation = unix.MS_PRIVATE | unix.MS_REC
	}
	if err := unix.Mount("", procFD(tree), "", propagation, ""); err != nil {
		return fmt.Errorf("set propagation: %w", err)
	}
	flags := options.flags
	if !options.devices {
		flags |= unix.MS_NODEV
	}
	if err := remount(tree, flags); err != nil {
		return err
	}
	return setBelow(tree, options)
}

// setBelow is for what is mounted below. Before Linux 5.12 devices work there:
// the filter of the cgroup has to do.
func setBelow(tree int, options mountOptions) error {
	var set uint64
	if options.recursive && !options.devices {
		set |= unix.MOUNT_ATTR_NODEV
	}
	if options.readonlyAll {
		set |= unix.MOUNT_ATTR_RDONLY
	}
	if set == 0 {
		return nil
	}
	err := unix.MountSetattr(tree, "", unix.AT_EMPTY_PATH|unix.AT_RECURSIVE, &unix.MountAttr{Attr_set: set})
	switch {
	case errors.Is(err, unix.ENOSYS) && options.readonlyAll:
		return exitcode.With(exitcode.Unsupported, fmt.Errorf("make it read-only with all below: %w (mount_setattr(2) is of Linux 5.12)", err))
	case err != nil && !errors.Is(err, unix.ENOSYS):
		return fmt.Errorf("set options of all below: %w", err)
	}
	return nil
}
