package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"syscall"

	"github.com/moby/sys/mountinfo"

	"namespaces-cgroups-ebpf/connsnoop"
)

// hierarchy is where cgroup v2 is mounted.
type hierarchy string

// findHierarchy looks for a mount of the whole hierarchy.
func findHierarchy() (hierarchy, error) {
	mounts, err := mountinfo.GetMounts(mountinfo.FSTypeFilter("cgroup2"))
	if err != nil {
		return "", fmt.Errorf("read mounts: %w", err)
	}
	for _, m := range mounts {
		if m.Root == "/" {
			return hierarchy(m.Mountpoint), nil
		}
	}
	return "", errors.New("find cgroup v2: its hierarchy is not mounted here")
}

// path returns the ids of a cgroup and of those below it. It may be given with
// the mount point or without.
func (h hierarchy) path(text string) ([]uint64, error) {
	dir := filepath.Clean("/" + text)
	if rel, ok := strings.CutPrefix(dir, string(h)); !ok || rel != "" && rel[0] != '/' {
		dir = filepath.Join(string(h), dir)
	}
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("find cgroup: there is no %s", dir)
	case err != nil:
		return nil, fmt.Errorf("find cgroup: %w", err)
	case !info.IsDir():
		return nil, fmt.Errorf("find cgroup: %s is no directory", dir)
	}
	return idsBelow(dir)
}

// shortID is what docker and others print of an id.
const shortID = 12

// container returns the ids of a container's cgroup and of those below it.
// An id may be cut to its first 12 digits, as most programs print it.
func (h hierarchy) container(id string) ([]uint64, error) {
	found := map[string][]uint64{}
	err := filepath.WalkDir(string(h), func(dir string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			return ignoreGone(err)
		}
		c, ok := connsnoop.ContainerOf(strings.TrimPrefix(dir, string(h)))
		if !ok || c.ID != id && (len(id) < shortID || !strings.HasPrefix(c.ID, id)) {
			return nil
		}
		ids, err := idsBelow(dir)
		if err != nil {
			return err
		}
		found[c.ID] = append(found[c.ID], ids...)
		return fs.SkipDir
	})
	if err != nil {
		return nil, fmt.Errorf("find container: %w", err)
	}
	return onlyOne(id, found)
}

func onlyOne(id string, found map[string][]uint64) ([]uint64, error) {
	names := make([]string, 0, len(found))
	for name := range found {
		names = append(names, name)
	}
	sort.Strings(names)
	switch len(names) {
	case 0:
		return nil, fmt.Errorf("find container: no cgroup belongs to %q", id)
	case 1:
		return found[names[0]], nil
	}
	return nil, fmt.Errorf("find container: %q may be %s", id, strings.Join(names, " or "))
}

// idsBelow returns the number that the kernel has for a cgroup, which is the
// inode of its directory, and those of its descendants.
func idsBelow(dir string) ([]uint64, error) {
	var ids []uint64
	err := filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			return ignoreGone(err)
		}
		info, err := entry.Info()
		if err != nil {
			return ignoreGone(err)
		}
		ids = append(ids, info.Sys().(*syscall.Stat_t).Ino)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list cgroups: %w", err)
	}
	return ids, nil
}

// ignoreGone: cgroups come and go while we look.
func ignoreGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
