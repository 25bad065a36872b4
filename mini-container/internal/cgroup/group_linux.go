package cgroup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"namespaces-cgroups-ebpf/internal/cgroupfs"
	"namespaces-cgroups-ebpf/internal/exitcode"
)

// Group is the cgroup of one container. Close frees the descriptor and leaves
// the cgroup; Remove takes the cgroup away.
type Group struct {
	mount string
	path  string   // from the mount, "/mini-container/ID"
	dir   *os.File // nil once closed
	late  []Write  // what Settle writes
	last  []Write  // what Finish writes
}

// wanted are the controllers that are enabled if they are to be had, also if
// nothing is limited yet: statistics, evidence of an OOM kill, later updates.
var wanted = []string{"cpu", "memory", "pids"}

// Create makes the cgroup at path and limits it, all but the cpuset, see
// Settle. It must not be there yet. After an error nothing of it is left.
func Create(h Hierarchy, path string, resources *specs.LinuxResources) (*Group, error) {
	writes, err := Plan(resources)
	if err != nil {
		return nil, exitcode.With(exitcode.Usage, err)
	}
	g := &Group{mount: h.Mount, path: path}
	if err := g.make(); err != nil {
		return nil, err
	}
	if err := g.limit(writes); err != nil {
		return nil, errors.Join(err, g.Remove())
	}
	return g, nil
}

// Open is for a cgroup that is there.
func Open(h Hierarchy, path string) (*Group, error) {
	g := &Group{mount: h.Mount, path: path}
	fd, err := unix.Open(g.Dir(), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open cgroup %s: %w", path, err)
	}
	g.dir = os.NewFile(uintptr(fd), path)
	return g, nil
}

// make creates the directory, and its parents as often as somebody who was
// the last to leave them takes them away. The leaf comes before anything is
// enabled: with it there, the parents stay.
func (g *Group) make() error {
	const tries = 100
	for range tries {
		err := makeParents(g.mount, filepath.Dir(g.path))
		if err == nil {
			err = unix.Mkdir(g.Dir(), 0o755)
		}
		if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENODEV) {
			continue
		}
		if err != nil {
			return explainMake(g.path, err)
		}
		opened, err := Open(Hierarchy{Mount: g.mount}, g.path)
		if err != nil {
			return errors.Join(err, unix.Rmdir(g.Dir()))
		}
		g.dir = opened.dir
		return nil
	}
	return fmt.Errorf("create cgroup %s: its parent is removed again and again", g.path)
}

func makeParents(mount, path string) error {
	dir := mount
	for part := range strings.SplitSeq(strings.Trim(path, "/"), "/") {
		dir = filepath.Join(dir, part)
		if err := unix.Mkdir(dir, 0o755); err != nil && !errors.Is(err, unix.EEXIST) {
			// In front of a read-only or foreign tree mkdir of what is there
			// already says EROFS or EACCES, not EEXIST.
			if _, statErr := os.Stat(dir); statErr != nil {
				return err
			}
		}
	}
	return nil
}

// limit enables what the writes need and makes them. The cpuset waits, and so
// does the number of processes.
func (g *Group) limit(writes []Write) error {
	if err := enable(g.mount, filepath.Dir(g.path), Controllers(writes), wanted); err != nil {
		return err
	}
	for _, w := range writes {
		switch w.Controller {
		case "cpuset":
			g.late = append(g.late, w)
			continue
		case "pids":
			g.last = append(g.last, w)
			continue
		}
		if err := g.write(w); err != nil {
			return err
		}
	}
	return nil
}

// Settle applies the cpuset to the processes that are in the cgroup now. On
// 5.10 clone3(2) into a cgroup does not, and writing again what the file says
// already does not either; so nothing was written before.
func (g *Group) Settle() error {
	return g.writeAll(&g.late)
}

// Finish limits the number of processes, right before the first one is let
// loose: until then it has threads, which count too, and it needs them.
func (g *Group) Finish() error { return g.writeAll(&g.last) }

func (g *Group) writeAll(writes *[]Write) error {
	for _, w := range *writes {
		if err := g.write(w); err != nil {
			return err
		}
	}
	*writes = nil
	return nil
}

// Update changes the limits of a cgroup that is in use.
func (g *Group) Update(resources *specs.LinuxResources) error {
	writes, err := Plan(resources)
	if err != nil {
		return exitcode.With(exitcode.Usage, err)
	}
	if err := g.checkFits(resources); err != nil {
		return exitcode.With(exitcode.Usage, err)
	}
	if err := g.limit(writes); err != nil {
		return err
	}
	return errors.Join(g.Settle(), g.Finish())
}

// checkFits: below what is in use the kernel would reclaim, then kill.
func (g *Group) checkFits(r *specs.LinuxResources) error {
	if r == nil || r.Memory == nil || r.Memory.Limit == nil || r.Memory.CheckBeforeUpdate == nil || !*r.Memory.CheckBeforeUpdate {
		return nil
	}
	current, err := readNumber(g.Dir(), "memory.current")
	if errors.Is(err, unix.ENOENT) {
		return nil // without the controller the limit will say so itself
	}
	if err != nil {
		return fmt.Errorf("check memory in use: %w", err)
	}
	if limit := *r.Memory.Limit; limit >= 0 && current > uint64(limit) {
		return fmt.Errorf("lower memory limit to %d: %d bytes are in use", limit, current)
	}
	return nil
}

func (g *Group) write(w Write) error {
	err := cgroupfs.Write(g.Dir(), w.File, w.Value)
	return explainWrite(g, w, err)
}

// Dir is the cgroup's directory on this machine.
func (g *Group) Dir() string { return filepath.Join(g.mount, g.path) }

// Path is the cgroup's name in the hierarchy, as /proc/PID/cgroup has it.
func (g *Group) Path() string { return g.path }

// File is for CLONE_INTO_CGROUP: an O_PATH descriptor, valid until Close.
func (g *Group) File() *os.File { return g.dir }

// FD is the number of that descriptor, -1 once closed.
func (g *Group) FD() int {
	if g.dir == nil {
		return -1
	}
	return int(g.dir.Fd())
}

// Add moves a process in. Unlike a clone into the cgroup, this obeys the
// cpuset on all kernels.
func (g *Group) Add(pid int) error {
	err := cgroupfs.Write(g.Dir(), "cgroup.procs", fmt.Sprint(pid))
	if err == nil {
		return nil
	}
	code := exitcode.Harness
	if errors.Is(err, unix.EACCES) || errors.Is(err, unix.EPERM) {
		code, err = exitcode.Unsupported, fmt.Errorf("%w (only who may write the cgroup.procs of the nearest cgroup above both"+
			" may bring a process; systemd-run --user --scope starts where you may)", err)
	}
	return exitcode.With(code, fmt.Errorf("move process into cgroup %s: %w", g.path, err))
}

// Close frees the descriptor.
func (g *Group) Close() {
	if g.dir != nil {
		g.dir.Close()
		g.dir = nil
	}
}
