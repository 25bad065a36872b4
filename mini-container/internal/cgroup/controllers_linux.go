package cgroup

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"namespaces-cgroups-ebpf/internal/cgroupfs"
	"namespaces-cgroups-ebpf/internal/exitcode"
)

// enable makes controllers available to the children of path, from the mount
// down. needed must work out; extra are tried.
func enable(mount, path string, needed, extra []string) error {
	dir := mount
	for part := range strings.SplitSeq("/"+strings.Trim(path, "/"), "/") {
		dir = filepath.Join(dir, part)
		if err := enableIn(mount, dir, needed, extra); err != nil {
			return err
		}
	}
	return nil
}

// enableIn reads before it writes: a tree that was delegated to us has above
// it what we cannot write, and need not.
func enableIn(mount, dir string, needed, extra []string) error {
	have, err := readWords(dir, "cgroup.controllers")
	if err != nil {
		return fmt.Errorf("read controllers: %w", err)
	}
	on, err := readWords(dir, "cgroup.subtree_control")
	if err != nil {
		return fmt.Errorf("read controllers: %w", err)
	}
	for _, name := range needed {
		if slices.Contains(on, name) {
			continue
		}
		if !slices.Contains(have, name) {
			return explainMissing(mount, dir, name, have)
		}
		if occupied(dir) {
			return explainEnable(mount, dir, name, fmt.Errorf("change %s/cgroup.subtree_control: %w", dir, unix.EBUSY))
		}
		if err := cgroupfs.Write(dir, "cgroup.subtree_control", "+"+name); err != nil {
			return explainEnable(mount, dir, name, err)
		}
	}
	for _, name := range extra {
		if slices.Contains(have, name) && !slices.Contains(on, name) && !slices.Contains(needed, name) && !occupied(dir) {
			_ = cgroupfs.Write(dir, "cgroup.subtree_control", "+"+name) // only wanted
		}
	}
	return nil
}

// occupied reports whether a cgroup has processes and may so not share
// controllers. The kernel lets it share that of processors, but then its
// children are good for threads alone, and no process can be cloned into one.
// The root of all, which has no type, may have both.
func occupied(dir string) bool {
	pids, err := cgroupfs.Procs(dir)
	if err != nil || len(pids) == 0 {
		return false
	}
	_, err = cgroupfs.Read(dir, "cgroup.type")
	return err == nil
}

func readWords(dir, file string) ([]string, error) {
	text, err := cgroupfs.Read(dir, file)
	return strings.Fields(text), err
}

func inTree(mount, dir string) string { return "/" + strings.Trim(strings.TrimPrefix(dir, mount), "/") }

func explainMissing(mount, dir, name string, have []string) error {
	why := "the cgroup above it does not share it"
	if _, err := cgroupfs.Read(dir, "cgroup.type"); dir == mount && err != nil { // the root of all has no type; that of a cgroup namespace has
		why = "the kernel lacks it, it is switched off (cgroup_disable=), or a cgroup v1 hierarchy has it"
	}
	return exitcode.With(exitcode.Unsupported, fmt.Errorf("enable cgroup controller %s: cgroup %s has [%s] in cgroup.controllers and not %s: %s",
		name, inTree(mount, dir), strings.Join(have, " "), name, why))
}

// explainEnable says what the kernel means by the errno.
func explainEnable(mount, dir, name string, err error) error {
	at := inTree(mount, dir)
	switch {
	case errors.Is(err, unix.EBUSY):
		pids, _ := cgroupfs.Procs(dir)
		err = fmt.Errorf("%w: cgroup %s holds processes %v, and cgroup v2 lets a cgroup have processes or children with"+
			" controllers, not both: move them into a child of it, or name another parent", err, at, pids)
	case errors.Is(err, unix.EACCES), errors.Is(err, unix.EPERM), errors.Is(err, unix.EROFS):
		err = fmt.Errorf("%w: cgroup %s is not delegated to this user", err, at)
	case errors.Is(err, unix.EINVAL) && name == "cpu":
		err = fmt.Errorf("%w: with CONFIG_RT_GROUP_SCHED no realtime process may be outside the root cgroup", err)
	case errors.Is(err, unix.EOPNOTSUPP):
		err = fmt.Errorf("%w: cgroup %s is threaded", err, at)
	}
	return exitcode.With(exitcode.Unsupported, fmt.Errorf("enable cgroup controller %s: %w", name, err))
}

// explainMake says what keeps a cgroup from being made.
func explainMake(path string, err error) error {
	code := exitcode.Unsupported
	switch {
	case errors.Is(err, unix.EEXIST):
		code, err = exitcode.Usage, fmt.Errorf("%w: another container has it, or its remains (gc removes those)", err)
	case errors.Is(err, unix.EACCES), errors.Is(err, unix.EPERM), errors.Is(err, unix.EROFS):
		err = fmt.Errorf("%w: no cgroup was delegated to this user", err)
	case errors.Is(err, unix.EAGAIN):
		err = fmt.Errorf("%w: cgroup.max.descendants or cgroup.max.depth of a cgroup above is reached", err)
	}
	return exitcode.With(code, fmt.Errorf("create cgroup %s: %w", path, err))
}

// explainWrite tells a wrong value from a file that is not there.
func explainWrite(g *Group, w Write, err error) error {
	code := exitcode.Usage
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.ENOENT):
		code, err = exitcode.Unsupported, fmt.Errorf("this kernel has no %s: %w", w.File, err)
	case errors.Is(err, unix.ENODEV):
		err = fmt.Errorf("no such device: %w", err)
	case errors.Is(err, unix.EINVAL) && w.File == "cpu.max":
		err = fmt.Errorf("%w (a quota below 1 ms or below cpu.max.burst, or a period outside 1 ms to 1 s)", err)
	}
	return exitcode.With(code, fmt.Errorf("limit %s of cgroup %s: %w", w.Controller, g.path, err))
}
