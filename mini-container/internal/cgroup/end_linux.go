package cgroup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"namespaces-cgroups-ebpf/internal/cgroupfs"
	"namespaces-cgroups-ebpf/internal/exitcode"
)

// removeWait bounds how long dying processes may take to leave.
const removeWait = 10 * time.Second

// freezeWait bounds how long processes may take to stop.
const freezeWait = 10 * time.Second

// Freeze stops every process in the cgroup and returns when all stand still.
func (g *Group) Freeze() error { return g.setFrozen("1", 1) }

// Thaw lets them go on.
func (g *Group) Thaw() error { return g.setFrozen("0", 0) }

func (g *Group) setFrozen(value string, want uint64) error {
	if err := cgroupfs.Write(g.Dir(), "cgroup.freeze", value); err != nil {
		return fmt.Errorf("freeze cgroup: %w", err)
	}
	for end := time.Now().Add(freezeWait); ; time.Sleep(2 * time.Millisecond) {
		events, err := cgroupfs.ReadKeyed(g.Dir(), "cgroup.events")
		if err != nil {
			return fmt.Errorf("freeze cgroup: %w", err)
		}
		if events["frozen"] == want {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("freeze cgroup %s: not all processes stopped: %w", g.path, unix.ETIMEDOUT)
		}
	}
}

// Frozen reports whether all processes stand still.
func (g *Group) Frozen() (bool, error) {
	events, err := cgroupfs.ReadKeyed(g.Dir(), "cgroup.events")
	return events["frozen"] == 1, err
}

// Kill sends SIGKILL to all processes, frozen ones too, and does not wait.
func (g *Group) Kill() error { return cgroupfs.Kill(g.Dir()) }

// Procs lists the processes of the cgroup and of those below it, sorted by
// nothing in particular.
func (g *Group) Procs() ([]int, error) {
	var all []int
	err := filepath.WalkDir(g.Dir(), func(dir string, d os.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return ignoreGone(err)
		}
		pids, err := cgroupfs.Procs(dir)
		all = append(all, pids...)
		return ignoreGone(err)
	})
	return all, err
}

// Has reports whether a process is in the cgroup or in one below it.
func (g *Group) Has(pid int) (bool, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ESRCH) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read cgroup of process %d: %w", pid, err)
	}
	path, _ := ownCgroup(string(text))
	return path == g.path || strings.HasPrefix(path, g.path+"/"), nil
}

// Remove kills what is left, removes the cgroup with all below it and, if it
// was the last, the parent that is named after us. It may be called again.
func (g *Group) Remove() error {
	g.Close()
	return Remove(Hierarchy{Mount: g.mount}, g.path)
}

// Remove is Group.Remove for a cgroup that nobody has open. A cgroup that is
// gone is no error.
func Remove(h Hierarchy, path string) error {
	if path == "" || filepath.Clean(path) == "/" {
		return exitcode.With(exitcode.Harness, fmt.Errorf("remove cgroup %q: not one of ours", path))
	}
	if err := cgroupfs.Remove(filepath.Join(h.Mount, path), removeWait); err != nil {
		return err
	}
	parent := filepath.Dir(path)
	if filepath.Base(parent) != ParentName {
		return nil
	}
	err := unix.Rmdir(filepath.Join(h.Mount, parent))
	if err != nil && !errors.Is(err, unix.EBUSY) && !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.EACCES) {
		return fmt.Errorf("remove cgroup %s: %w", parent, err)
	}
	return nil
}

func ignoreGone(err error) error {
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENODEV) {
		return nil
	}
	return err
}
