package minicontainer

import (
	"errors"
	"fmt"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"namespaces-cgroups-ebpf/internal/exitcode"
)

// mountAll mounts what the configuration lists, in its order.
func mountAll(s *setup) error {
	for i, m := range s.Spec.Mounts {
		var err error
		if isBind(m) {
			err = s.bind(i, m)
		} else {
			err = mountOne(s.root, m)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func mountOne(root int, m specs.Mount) error {
	target, err := ensureDir(root, m.Destination)
	if err != nil {
		return err
	}
	defer unix.Close(target)
	options := parseMountOptions(m.Options)
	if err := unix.Mount(m.Source, procFD(target), m.Type, options.flags, options.data()); err != nil {
		return mountError(m, err)
	}
	if m.Type == "proc" {
		return checkProc(root, m.Destination)
	}
	return nil
}

func mountError(m specs.Mount, err error) error {
	err = fmt.Errorf("mount %s on %s: %w", m.Type, m.Destination, err)
	if errors.Is(err, unix.EPERM) && (m.Type == "proc" || m.Type == "sysfs") {
		// The kernel's mount_too_revealing(): a user namespace may mount
		// these only where the host's own are fully visible.
		return exitcode.With(exitcode.Unsupported, fmt.Errorf("%w (parts of the host's %s are hidden from this user namespace)", err, m.Type))
	}
	return err
}

// checkProc makes sure that what lies at the path now is procfs, before
// anything trusts it.
func checkProc(root int, name string) error {
	fd, err := openInRoot(root, name)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	var st unix.Statfs_t
	if err := unix.Fstatfs(fd, &st); err != nil {
		return fmt.Errorf("check %s: %w", name, err)
	}
	if st.Type != unix.PROC_SUPER_MAGIC {
		return fmt.Errorf("check %s: not procfs but file system type %#x", name, st.Type)
	}
	return nil
}

// readonlyPaths binds each path on itself and makes that mount read-only.
func readonlyPaths(s *setup) error {
	for _, name := range s.Spec.Linux.ReadonlyPaths {
		if err := overPath(s.root, name, bindReadonly); err != nil {
			return fmt.Errorf("make %s read-only: %w", name, err)
		}
	}
	return nil
}

func bindReadonly(s int, name string, fd int) error {
	if err := unix.Mount(procFD(fd), procFD(fd), "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("bind: %w", err)
	}
	bound, err := openInRoot(s, name) // fd still names what lies below the bind
	if err != nil {
		return err
	}
	defer unix.Close(bound)
	return remount(bound, unix.MS_RDONLY)
}

// maskPaths hides each path: a directory under an empty read-only tmpfs, a
// file under /dev/null.
func maskPaths(s *setup) error {
	for _, name := range s.Spec.Linux.MaskedPaths {
		if err := overPath(s.root, name, mask); err != nil {
			return fmt.Errorf("mask %s: %w", name, err)
		}
	}
	return nil
}

func mask(root int, _ string, fd int) error {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return fmt.Errorf("stat: %w", err)
	}
	if st.Mode&unix.S_IFMT == unix.S_IFDIR {
		return unix.Mount("tmpfs", procFD(fd), "tmpfs", unix.MS_RDONLY|unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "nr_inodes=1")
	}
	null, err := openInRoot(root, "/dev/null")
	if err != nil {
		return err
	}
	defer unix.Close(null)
	// CVE-2025-31133: whatever is at /dev/null gets bound, so look first.
	if err := checkDevice(null, specs.LinuxDevice{Path: "/dev/null", Major: 1, Minor: 3}); err != nil {
		return err
	}
	return unix.Mount(procFD(null), procFD(fd), "", unix.MS_BIND, "")
}

// overPath runs cover on a path that this kernel may not have.
func overPath(root int, name string, cover func(root int, name string, fd int) error) error {
	fd, err := openInRoot(root, name)
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return cover(root, name, fd)
}
