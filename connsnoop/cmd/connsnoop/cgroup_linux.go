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

// path returns the id of a cgroup: the kernel looks at those above a process.
// It may be given with the mount point or without.
func (h hierarchy) path(text string) (uint64, error) {
	dir := filepath.Clean("/" + text)
	if rel, ok := strings.CutPrefix(dir, string(h)); !ok || rel != "" && rel[0] != '/' {
		dir = filepath.Join(string(h), dir)
	}
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return 0, fmt.Errorf("find cgroup: there is no %s", dir)
	case err != nil:
		return 0, fmt.Errorf("find cgroup: %w", err)
	case !info.IsDir():
		return 0, fmt.Errorf("find cgroup: %s is no directory", dir)
	}
	return inode(info), nil
}

// shortID is what docker and others print of an id.
const shortID = 12

// container returns the ids of a container's cgroups, of which there may be several side by side.
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
		info, err := entry.Info()
		if err != nil {
			return ignoreGone(err)
		}
		found[c.ID] = append(found[c.ID], inode(info))
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

// inode of a cgroup's directory is the number that the kernel has for it.
func inode(info fs.FileInfo) uint64 { return info.Sys().(*syscall.Stat_t).Ino }

// ignoreGone: cgroups come and go while we look.
func ignoreGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
