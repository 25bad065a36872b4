package cgroup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"

	"namespaces-cgroups-ebpf/internal/cgroupfs"
	"namespaces-cgroups-ebpf/internal/exitcode"
)

// usualMount is where cgroup v2 is on every machine that has no v1.
const usualMount = "/sys/fs/cgroup"

// ParentName is the cgroup below which containers are, if nobody says more.
const ParentName = "mini-container"

// Hierarchy is the cgroup v2 tree of this machine, as this process sees it.
type Hierarchy struct {
	Mount string // where it is mounted
	Own   string // the caller's own cgroup, from the mount: "/" or "/user.slice/..."
}

// Find looks for the hierarchy in the procfs at proc.
func Find(proc string) (Hierarchy, error) {
	text, err := os.ReadFile(filepath.Join(proc, "self/cgroup"))
	if err != nil {
		return Hierarchy{}, fmt.Errorf("read own cgroup: %w", err)
	}
	own, found := ownCgroup(string(text))
	if !found {
		return Hierarchy{}, exitcode.With(exitcode.Unsupported, errors.New("find cgroup v2: this kernel has none"))
	}
	mount, err := findMount(proc)
	return Hierarchy{Mount: mount, Own: own}, err
}

// ownCgroup finds the line of hierarchy 0, which is v2: "0::/user.slice".
func ownCgroup(text string) (string, bool) {
	for line := range strings.Lines(text) {
		if path, found := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "0::"); found {
			return path, true
		}
	}
	return "", false
}

func findMount(proc string) (string, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(usualMount, &st); err == nil && st.Type == unix.CGROUP2_SUPER_MAGIC {
		return usualMount, nil
	}
	f, err := os.Open(filepath.Join(proc, "self/mountinfo"))
	if err != nil {
		return "", fmt.Errorf("read mounts: %w", err)
	}
	defer f.Close()
	mounts, err := mountinfo.GetMountsFromReader(f, mountinfo.FSTypeFilter("cgroup2"))
	if err != nil {
		return "", fmt.Errorf("parse mounts: %w", err)
	}
	if len(mounts) == 0 {
		return "", exitcode.With(exitcode.Unsupported, errors.New("find cgroup v2: it is not mounted"))
	}
	return mounts[0].Mountpoint, nil
}

// Parent is where the containers of a caller belong. For a user that is below
// the nearest cgroup, from their own upwards, that was delegated to them and
// holds no process, as app.slice of a systemd session; it shares controllers.
// If there is none it is below their own: that may be writable, at least.
func (h Hierarchy) Parent(root bool) string {
	if root {
		return "/" + ParentName
	}
	for path := h.Own; path != "/" && path != "."; path = filepath.Dir(path) {
		if h.delegated(path) && h.empty(path) {
			return filepath.Join(path, ParentName)
		}
	}
	return filepath.Join(h.Own, ParentName)
}

// delegated reports whether the caller may make cgroups in a cgroup, share
// its controllers with them and move processes there (cgroups(7)).
func (h Hierarchy) delegated(path string) bool {
	for _, file := range []string{".", "cgroup.procs", "cgroup.subtree_control"} {
		if unix.Faccessat(unix.AT_FDCWD, filepath.Join(h.Mount, path, file), unix.W_OK, unix.AT_EACCESS) != nil {
			return false
		}
	}
	return true
}

func (h Hierarchy) empty(path string) bool {
	pids, err := cgroupfs.Procs(filepath.Join(h.Mount, path))
	return err == nil && len(pids) == 0
}

// Resolve makes a path in the hierarchy of an OCI cgroupsPath: absolute from
// the root of the hierarchy, relative from parent. "" is parent/id.
func (h Hierarchy) Resolve(cgroupsPath, parent, id string) (string, error) {
	for part := range strings.SplitSeq(cgroupsPath, "/") {
		if part == ".." {
			return "", fmt.Errorf("cgroup path %q leads upwards", cgroupsPath)
		}
	}
	switch {
	case cgroupsPath == "":
		cgroupsPath = filepath.Join(parent, id)
	case strings.Contains(cgroupsPath, ":"):
		return "", fmt.Errorf("cgroup path %q is one for systemd, which this does not use", cgroupsPath)
	case !filepath.IsAbs(cgroupsPath):
		cgroupsPath = filepath.Join(parent, cgroupsPath)
	}
	if cgroupsPath = filepath.Clean(cgroupsPath); cgroupsPath == "/" {
		return "", errors.New("cgroup path / is the root of the hierarchy")
	}
	return cgroupsPath, nil
}
