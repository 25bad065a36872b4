package minicontainer

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"namespaces-cgroups-ebpf/internal/exitcode"
	"namespaces-cgroups-ebpf/mini-container/internal/spawn"
)

func (s *supervisor) wantsIDMounts() bool {
	if s.Extra.IDMapRoot {
		return true
	}
	for _, m := range s.Spec.Mounts {
		if wantsIDMap(m) {
			return true
		}
	}
	return false
}

func wantsIDMap(m specs.Mount) bool {
	return len(m.UIDMappings) > 0 || parseMountOptions(m.Options).idmap
}

// idmapMounts copies mounts and lets their files appear with other owners. The
// file system belongs to the first user namespace, so a process in the
// container's could not do this; the child gets the copies as descriptors.
func (s *supervisor) idmapMounts() error {
	if s.Extra.IDMapRoot {
		tree, err := idmapTree(s.Spec.Root.Path, true, s.Spec.Linux.UIDMappings, s.Spec.Linux.GIDMappings)
		if err != nil {
			return fmt.Errorf("idmap rootfs: %w", err)
		}
		s.rootTree = s.handDown(tree)
	}
	for i, m := range s.Spec.Mounts {
		if !wantsIDMap(m) {
			continue
		}
		uids, gids := m.UIDMappings, m.GIDMappings
		if len(uids) == 0 {
			uids, gids = s.Spec.Linux.UIDMappings, s.Spec.Linux.GIDMappings
		}
		tree, err := idmapTree(m.Source, parseMountOptions(m.Options).recursive, uids, gids)
		if err != nil {
			return fmt.Errorf("idmap %s: %w", m.Source, err)
		}
		if s.mountTrees == nil {
			s.mountTrees = map[int]int{}
		}
		s.mountTrees[i] = s.handDown(tree)
	}
	return nil
}

// handDown books a descriptor for the child and returns its number there.
func (s *supervisor) handDown(fd int) int {
	s.trees = append(s.trees, os.NewFile(uintptr(fd), "tree"))
	return firstTreeFD + len(s.trees) - 1
}

func (s *supervisor) closeTrees() error {
	for _, tree := range s.trees {
		tree.Close()
	}
	s.trees = nil
	return nil
}

func idmapTree(path string, recursive bool, uids, gids []specs.LinuxIDMapping) (int, error) {
	ns, err := userNamespace(uids, gids)
	if err != nil {
		return -1, err
	}
	defer ns.Close()
	flags, deep := uint(unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC), uint(0)
	if recursive {
		flags, deep = flags|unix.AT_RECURSIVE, unix.AT_RECURSIVE
	}
	tree, err := unix.OpenTree(unix.AT_FDCWD, path, flags)
	if err != nil {
		return -1, exitcode.With(exitcode.Usage, fmt.Errorf("open: %w", err))
	}
	attr := &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_IDMAP, Userns_fd: uint64(ns.Fd())}
	if err := unix.MountSetattr(tree, "", unix.AT_EMPTY_PATH|deep, attr); err != nil {
		unix.Close(tree)
		return -1, idmapError(err)
	}
	return tree, nil
}

func idmapError(err error) error {
	err = fmt.Errorf("set id map of mount: %w", err)
	switch {
	case errors.Is(err, unix.ENOSYS):
		return exitcode.With(exitcode.Unsupported, fmt.Errorf("%w (idmapped mounts are of Linux 5.12)", err))
	case errors.Is(err, unix.EINVAL):
		return exitcode.With(exitcode.Unsupported, fmt.Errorf("%w (this file system has none on this kernel)", err))
	case errors.Is(err, unix.EPERM):
		return exitcode.With(exitcode.Usage, fmt.Errorf("%w (needs root)", err))
	}
	return err
}

// errEnough stops a process that has been started for its namespace only.
var errEnough = errors.New("namespace is made")

// userNamespace makes one with the given maps, for its descriptor.
func userNamespace(uids, gids []specs.LinuxIDMapping) (*os.File, error) {
	var ns *os.File
	spec := &specs.Spec{Linux: &specs.Linux{UIDMappings: uids, GIDMappings: gids}}
	plan := &spawn.Plan{Args: []string{childName}, Flags: unix.CLONE_NEWUSER, Map: func(pid int) (err error) {
		if err := mapIDs("/proc", pid, spec); err != nil {
			return err
		}
		if ns, err = os.Open(filepath.Join("/proc", strconv.Itoa(pid), "ns/user")); err != nil {
			return fmt.Errorf("open user namespace: %w", err)
		}
		return errEnough
	}}
	if _, err := plan.Start(); !errors.Is(err, errEnough) {
		return nil, fmt.Errorf("make user namespace: %w", err)
	}
	return ns, nil
}
