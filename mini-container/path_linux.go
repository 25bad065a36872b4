package minicontainer

import (
	"errors"
	"fmt"
	"path"

	"golang.org/x/sys/unix"

	"namespaces-cgroups-ebpf/internal/exitcode"
)

// How a path below the rootfs is resolved: in both ways it never leaves the
// rootfs. Strict, for what the set-up itself relies on, refuses symbolic
// links too: an image whose /proc is a link turned mounts and writes against
// the host (CVE-2019-19921, CVE-2026-41579).
const (
	strict  = unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS | unix.RESOLVE_NO_SYMLINKS
	lenient = unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS
)

// openInRoot opens a path below the rootfs, strictly.
func openInRoot(root int, name string) (int, error) { return openBelow(root, name, strict) }

// openBelow opens a path below the rootfs as an O_PATH descriptor.
func openBelow(root int, name string, resolve uint64) (int, error) {
	how := &unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: resolve}
	fd, err := unix.Openat2(root, name, how)
	for try := 0; errors.Is(err, unix.EAGAIN) && try < 100; try++ { // something was renamed meanwhile
		fd, err = unix.Openat2(root, name, how)
	}
	if errors.Is(err, unix.ELOOP) {
		return -1, exitcode.With(exitcode.Usage, fmt.Errorf("open %s in rootfs: it is, or lies behind, a symbolic link; refused", name))
	}
	if errors.Is(err, unix.ENOTDIR) {
		return -1, exitcode.With(exitcode.Usage, fmt.Errorf("open %s in rootfs: %w", name, err))
	}
	if err != nil {
		return -1, fmt.Errorf("open %s in rootfs: %w", name, err)
	}
	return fd, nil
}

// ensureDir opens a directory below the rootfs, made if it is not there.
func ensureDir(root int, name string) (int, error) { return ensureDirBelow(root, name, strict) }

func ensureDirBelow(root int, name string, resolve uint64) (int, error) {
	fd, err := openBelow(root, name, resolve)
	if errors.Is(err, unix.ENOENT) && name != "/" {
		if err := makeDir(root, name, resolve); err != nil {
			return -1, err
		}
		fd, err = openBelow(root, name, resolve)
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

// makeDir works on a descriptor of the parent: a path that is looked up twice
// can change in between (CVE-2024-45310).
func makeDir(root int, name string, resolve uint64) error {
	parent, err := ensureDirBelow(root, path.Dir(name), resolve)
	if err != nil {
		return err
	}
	defer unix.Close(parent)
	return createError(name, unix.Mkdirat(parent, path.Base(name), 0o755))
}

// ensureFile opens a file below the rootfs, made empty if it is not there.
func ensureFile(root int, name string, resolve uint64) (int, error) {
	fd, err := openBelow(root, name, resolve)
	if !errors.Is(err, unix.ENOENT) {
		return fd, err
	}
	parent, err := ensureDirBelow(root, path.Dir(name), resolve)
	if err != nil {
		return -1, err
	}
	defer unix.Close(parent)
	flags := unix.O_CREAT | unix.O_EXCL | unix.O_RDONLY | unix.O_NOFOLLOW | unix.O_CLOEXEC
	file, err := unix.Openat(parent, path.Base(name), flags, 0o644)
	if err != nil {
		return -1, createError(name, err)
	}
	unix.Close(file)
	return openBelow(root, name, resolve)
}

// createError says what the caller can do about a mount point that could not
// be made. One that is there by now is none.
func createError(name string, err error) error {
	switch {
	case errors.Is(err, unix.EACCES), errors.Is(err, unix.EROFS):
		return exitcode.With(exitcode.Usage, fmt.Errorf("create %s in rootfs: %w (create it yourself, empty)", name, err))
	case err != nil && !errors.Is(err, unix.EEXIST):
		return fmt.Errorf("create %s in rootfs: %w", name, err)
	}
	return nil
}
