package guest

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"namespaces-cgroups-ebpf/internal/cgroupfs"
)

// cages are the control groups of commands, children of the one that systemd
// delegates to the agent. Each belongs to the process that leads the command.
type cages struct {
	dir string // the delegated control group
	oom string // the agent's /proc/self/oom_score_adj

	mu    sync.Mutex
	count int
	of    map[int]string // by the leader's pid
}

// newCages finds the delegated group, the parent of the one the agent is in,
// and hands its controllers on to the commands' groups.
func newCages(cgroupRoot, procRoot string) (*cages, error) {
	data, err := os.ReadFile(filepath.Join(procRoot, "self", "cgroup"))
	if err != nil {
		return nil, fmt.Errorf("find own control group: %w", err)
	}
	own, ok := strings.CutPrefix(strings.TrimSpace(string(data)), "0::/")
	if !ok || !strings.Contains(own, "/") {
		return nil, fmt.Errorf("find own control group: %q", data)
	}
	c := &cages{
		dir: filepath.Join(cgroupRoot, filepath.Dir(own)),
		oom: filepath.Join(procRoot, "self", "oom_score_adj"), of: map[int]string{},
	}
	controllers, err := cgroupfs.Read(c.dir, "cgroup.controllers")
	if err != nil {
		return nil, fmt.Errorf("read controllers: %w", err)
	}
	for _, name := range strings.Fields(controllers) {
		if err := cgroupfs.Write(c.dir, "cgroup.subtree_control", "+"+name); err != nil {
			return nil, fmt.Errorf("enable controller: %w", err)
		}
	}
	return c, nil
}

// start runs a program in a new cage. The agent is the last that the kernel
// may kill for want of memory; its commands are like everybody else, for which
// it is so too while it forks.
func (c *cages) start(path string, argv []string, attr *syscall.ProcAttr) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.count++
	dir := filepath.Join(c.dir, "command-"+strconv.Itoa(c.count))
	if err := os.Mkdir(dir, 0o755); err != nil {
		return 0, fmt.Errorf("make control group: %w", err)
	}
	fd, err := unix.Open(dir, unix.O_DIRECTORY|unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0, fmt.Errorf("open control group: %w", err)
	}
	defer unix.Close(fd)
	attr.Sys.UseCgroupFD, attr.Sys.CgroupFD = true, fd
	_ = writeRaw(c.oom, "0")
	pid, err := syscall.ForkExec(path, argv, attr)
	_ = writeRaw(c.oom, "-1000")
	if err != nil {
		_ = os.Remove(dir)
		return 0, err
	}
	c.of[pid] = dir
	return pid, nil
}

func (c *cages) dirOf(leader int) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.of[leader]
}

// empty reports whether the leader's cage holds nobody, or is not there.
func (c *cages) empty(leader int) bool {
	dir := c.dirOf(leader)
	if dir == "" {
		return true
	}
	full, err := cgroupfs.Populated(dir)
	return err == nil && !full
}

// kill ends everybody in the leader's cage, or in all of them, in one step that
// a fork bomb cannot outrun.
func (c *cages) kill(leader int, all bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for pid, dir := range c.of {
		if all || pid == leader {
			_ = cgroupfs.Kill(dir)
		}
	}
}

// members picks from list who is in the leader's cage or below it.
func (c *cages) members(leader int, list []process) []process {
	dir := c.dirOf(leader)
	if dir == "" {
		return nil
	}
	var pids []int
	_ = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			more, _ := cgroupfs.Procs(path)
			pids = append(pids, more...)
		}
		return nil
	})
	var found []process
	for _, p := range list {
		if slices.Contains(pids, p.pid) {
			found = append(found, p)
		}
	}
	return found
}

// remove takes the leader's cage away, or all of them.
func (c *cages) remove(leader int, all bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for pid, dir := range c.of {
		if all || pid == leader {
			_ = cgroupfs.Remove(dir, sweepWait)
			delete(c.of, pid)
		}
	}
}
