package minicontainer

import (
	"errors"
	"fmt"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"namespaces-cgroups-ebpf/internal/exitcode"
	"namespaces-cgroups-ebpf/mini-container/internal/cgroup"
	"namespaces-cgroups-ebpf/mini-container/internal/state"
)

// Live is a container that runs, as another process handles it.
type Live struct {
	*state.Entry
	group *cgroup.Group // nil if it has none of its own
}

// Find opens a container that runs.
func Find(store *state.Store, id string) (*Live, error) {
	e, err := store.Get(id)
	if err != nil {
		return nil, exitcode.With(exitcode.Usage, err)
	}
	if e.Status != state.Running || !e.Alive {
		return nil, exitcode.With(exitcode.Fail, fmt.Errorf("container %s is %s, not running", id, e.Status))
	}
	c := &Live{Entry: e}
	if e.Cgroup == "" {
		return c, nil
	}
	h, err := cgroup.Find("/proc")
	if err == nil {
		c.group, err = cgroup.Open(h, e.Cgroup)
	}
	return c, err
}

// Close frees what Find has opened.
func (c *Live) Close() {
	if c.group != nil {
		c.group.Close()
	}
}

// cgroup is for what cannot be done without one.
func (c *Live) cgroup() (*cgroup.Group, error) {
	if c.group == nil {
		return nil, exitcode.With(exitcode.Unsupported, fmt.Errorf("container %s has no cgroup of its own", c.ID))
	}
	return c.group, nil
}

// Pause freezes all processes and returns when they stand still.
func (c *Live) Pause() error {
	g, err := c.cgroup()
	if err != nil {
		return err
	}
	return g.Freeze()
}

// Resume lets the processes of a paused container go on.
func (c *Live) Resume() error {
	g, err := c.cgroup()
	if err != nil {
		return err
	}
	return g.Thaw()
}

// Update changes limits. With check a memory limit below what is in use is
// refused: the kernel would reclaim, and then kill.
func (c *Live) Update(r *specs.LinuxResources, check bool) error {
	g, err := c.cgroup()
	if err != nil {
		return err
	}
	if limit, found := memoryMax(r); found && check {
		if r.Memory == nil {
			r.Memory = &specs.LinuxMemory{}
		}
		r.Memory.Limit, r.Memory.CheckBeforeUpdate = &limit, &check
	}
	if err := g.Update(r); err != nil {
		return err
	}
	return c.updateDevices(r.Devices)
}

// memoryMax finds the memory limit in the kernel's own words.
func memoryMax(r *specs.LinuxResources) (int64, bool) {
	limit, err := ParseBytes(r.Unified["memory.max"])
	return limit, err == nil
}

// Kill sends a signal to the first process, or to all of them.
func (c *Live) Kill(sig unix.Signal, all bool) error {
	if !all {
		return signalProcess(c.PID, c.StartTicks, sig)
	}
	g, err := c.cgroup()
	if err != nil {
		return err
	}
	if sig == unix.SIGKILL {
		return g.Kill()
	}
	pids, err := g.Procs()
	if err != nil {
		return err
	}
	for _, pid := range pids {
		if err := signalMember(g, pid, sig); err != nil && !errors.Is(err, unix.ESRCH) {
			return fmt.Errorf("signal process %d: %w", pid, err)
		}
	}
	return nil
}

// signalMember signals a process if it is in the cgroup while we hold it: its
// number alone may be somebody else's by now.
func signalMember(g *cgroup.Group, pid int, sig unix.Signal) error {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if in, err := g.Has(pid); err != nil || !in {
		return err
	}
	return unix.PidfdSendSignal(fd, sig, nil, 0)
}

// StatsSchema names the contract of ContainerStats.
const StatsSchema = "container-stats/v1"

// ContainerStats is what a container uses.
type ContainerStats struct {
	Schema string    `json:"schema"`
	ID     string    `json:"id"`
	At     time.Time `json:"at"`
	*cgroup.Stats
}

// Stats reads the counters of the container's cgroup.
func (c *Live) Stats(now time.Time) (*ContainerStats, error) {
	g, err := c.cgroup()
	if err != nil {
		return nil, err
	}
	stats, err := g.Stats()
	return &ContainerStats{Schema: StatsSchema, ID: c.ID, At: now.UTC(), Stats: stats}, err
}
