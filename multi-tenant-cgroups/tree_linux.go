package multitenantcgroups

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"namespaces-cgroups-ebpf/internal/cgroupfs"
)

const (
	// ownerXattr needs Linux 5.7, which brought user.* attributes to cgroup2.
	ownerXattr = "user.multi-tenant-cgroups.owner"
	// destroyWait bounds the wait for killed processes to go away.
	destroyWait = 20 * time.Second
)

// KernelTree is a directory of a mounted cgroup2 file system.
type KernelTree struct {
	dir  string
	lock int // descriptor of dir, which carries the flock
}

// OpenTree opens dir, usually /sys/fs/cgroup, and locks it against other runs
// of this program until Close. The error is ErrBusy if there is one, and
// ErrNotCgroup2 if dir is of another file system.
func OpenTree(dir string) (*KernelTree, error) {
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		return nil, fmt.Errorf("open cgroup root %s: %w", dir, err)
	}
	if fs.Type != unix.CGROUP2_SUPER_MAGIC {
		return nil, fmt.Errorf("open cgroup root %s: %w", dir, ErrNotCgroup2)
	}
	fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open cgroup root %s: %w", dir, err)
	}
	if err := unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB); err != nil {
		unix.Close(fd)
		if errors.Is(err, unix.EWOULDBLOCK) {
			err = ErrBusy
		}
		return nil, fmt.Errorf("lock cgroup root %s: %w", dir, err)
	}
	return &KernelTree{dir: dir, lock: fd}, nil
}

// Close gives up the lock.
func (k *KernelTree) Close() error { return unix.Close(k.lock) }

func (k *KernelTree) path(cgroup string) string { return filepath.Join(k.dir, cgroup) }

// Exists implements Tree.
func (k *KernelTree) Exists(cgroup string) (bool, error) {
	info, err := os.Lstat(k.path(cgroup))
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	return err == nil && info.IsDir(), err
}

// Children implements Tree.
func (k *KernelTree) Children(cgroup string) ([]string, error) {
	entries, err := os.ReadDir(k.path(cgroup))
	if err != nil {
		return nil, fmt.Errorf("list cgroup: %w", err)
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// Create implements Tree.
func (k *KernelTree) Create(cgroup string) error { return os.Mkdir(k.path(cgroup), 0o755) }

// Delete implements Tree.
func (k *KernelTree) Delete(cgroup string) error {
	if err := unix.Rmdir(k.path(cgroup)); err != nil {
		return &os.PathError{Op: "rmdir", Path: k.path(cgroup), Err: err}
	}
	return nil
}

// Destroy implements Tree.
func (k *KernelTree) Destroy(cgroup string) error {
	return cgroupfs.Remove(k.path(cgroup), destroyWait)
}

// Read implements Tree.
func (k *KernelTree) Read(cgroup, file string) (string, error) {
	return cgroupfs.Read(k.path(cgroup), file)
}

// Write implements Tree.
func (k *KernelTree) Write(cgroup, file, value string) error {
	return cgroupfs.Write(k.path(cgroup), file, value)
}

// Owner implements Tree.
func (k *KernelTree) Owner(cgroup string) (string, error) {
	value := make([]byte, 256)
	n, err := unix.Getxattr(k.path(cgroup), ownerXattr, value)
	if errors.Is(err, unix.ENODATA) || errors.Is(err, unix.ENOTSUP) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read owner of %s: %w", k.path(cgroup), err)
	}
	return string(value[:n]), nil
}

// SetOwner implements Tree.
func (k *KernelTree) SetOwner(cgroup, owner string) error {
	if err := unix.Setxattr(k.path(cgroup), ownerXattr, []byte(owner), 0); err != nil {
		return fmt.Errorf("mark %s as ours (needs Linux 5.7): %w", k.path(cgroup), err)
	}
	return nil
}
