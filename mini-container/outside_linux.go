package minicontainer

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"namespaces-cgroups-ebpf/internal/exitcode"
	"namespaces-cgroups-ebpf/mini-container/internal/cgroup"
	"namespaces-cgroups-ebpf/mini-container/internal/network"
	"namespaces-cgroups-ebpf/mini-container/internal/state"
)

// CgroupMode says whether a container gets a cgroup of its own.
type CgroupMode string

// The modes. Limits in the configuration make CgroupAuto CgroupRequired.
const (
	CgroupAuto     CgroupMode = ""         // if this machine lets us
	CgroupNone     CgroupMode = "none"     // it stays in the caller's
	CgroupRequired CgroupMode = "required" // or it does not run
)

// Outside is what a container has on the machine beyond its own namespaces.
// The zero value is a container that no other command can find.
type Outside struct {
	ID       string       // "" is that of the report
	State    *state.Store // where it is remembered; nil for nowhere
	Detached bool         // nobody waits for it: what became of it is kept
	Cgroup   CgroupMode

	CgroupParent string          // below it, in ParentName, is the cgroup; "" is where this caller's belong
	Running      func(id string) // called once the command runs; nil for nothing
}

// id is the name of the container.
func (s *supervisor) id() string { return orDefault(s.ID, s.report.ID) }

// place finds out where the cgroup will be.
func (s *supervisor) place() error {
	if !s.wantsCgroup() || s.cgroupPath != "" {
		return nil
	}
	h, err := cgroup.Find("/proc")
	if err == nil {
		s.hierarchy = h
		s.cgroupPath, err = h.Resolve(s.Spec.Linux.CgroupsPath, s.cgroupParent(h), s.id())
		err = exitcode.With(exitcode.Usage, err)
	}
	return s.unlessOptional(err)
}

func (s *supervisor) cgroupParent(h cgroup.Hierarchy) string {
	if s.CgroupParent != "" {
		return filepath.Join(s.CgroupParent, cgroup.ParentName)
	}
	return h.Parent(os.Geteuid() == 0)
}

// unlessOptional drops the error that there is no cgroup to be had, if the
// container can do without.
func (s *supervisor) unlessOptional(err error) error {
	l := s.Spec.Linux
	optional := s.Cgroup == CgroupAuto && l.Resources == nil && l.CgroupsPath == "" && s.CgroupParent == ""
	if optional && exitcode.Of(err) == exitcode.Unsupported {
		s.cgroupPath, s.without, s.report.CgroupReason = "", true, err.Error()
		return nil
	}
	return err
}

func (s *supervisor) hasState() bool { return s.State != nil }

// remember makes the container's directory, after clearing away what killed
// ones have left. That others cannot be cleaned up keeps nobody from running.
func (s *supervisor) remember() error {
	if err := s.place(); err != nil {
		return err
	}
	_, _ = Sweep(s.State)
	s.record = &state.Record{
		ID: s.id(), Status: state.Creating, CreatedAt: s.report.StartedAt, Command: s.report.Command,
		SupervisorPID: os.Getpid(), Detached: s.Detached, Cgroup: s.cgroupPath, Network: s.networkRecord(),
	}
	var err error
	s.dir, err = s.State.Create(s.record)
	if errors.Is(err, state.ErrExists) {
		return exitcode.With(exitcode.Usage, err)
	}
	return exitcode.With(exitcode.Harness, err)
}

// rememberConfig keeps the configuration for who joins the container.
func (s *supervisor) rememberConfig() error {
	if s.dir == nil {
		return nil
	}
	return exitcode.With(exitcode.Harness, saveConfig(s.dir.File(configFile), &config{Spec: s.Spec, Extra: s.Extra, Filter: s.filter}))
}

// recordRunning says who the container is, for whoever wants to signal it.
func (s *supervisor) recordRunning() error {
	pid := s.process.Pid
	ticks, err := startTicks("/proc", pid)
	if err != nil {
		return exitcode.With(exitcode.Harness, fmt.Errorf("record container: %w", err))
	}
	s.record.Status, s.record.PID, s.record.StartTicks = state.Running, pid, ticks
	s.record.Cgroup = s.cgroupPath
	if err := s.dir.Write(s.record); err != nil {
		return exitcode.With(exitcode.Harness, err)
	}
	if s.Running != nil {
		s.Running(s.id())
	}
	return nil
}

// forget removes the directory. A detached container's stays, with how it
// ended, until someone has asked.
func (s *supervisor) forget() error {
	if s.dir == nil {
		return nil
	}
	if !s.Detached || s.record.Status == state.Creating {
		return s.dir.Remove()
	}
	defer s.dir.Close()
	s.record.Status, s.record.ExitCode = state.Stopped, &s.report.ExitCode
	return s.dir.Write(s.record)
}

// Sweep removes what containers have left whose supervisor was killed, and
// returns their names. It touches none whose supervisor lives.
func Sweep(store *state.Store) ([]string, error) {
	return store.Sweep(func(r *state.Record) error { return cleanUp(store, r) })
}

// cleanUp does what the supervisor would have done at its end.
func cleanUp(store *state.Store, r *state.Record) error {
	faults := []error{killLeft(r), removeCgroup(r)}
	if r.Network != nil && r.Network.Bridge != "" {
		faults = append(faults, networkManager(store).Detach(r.Network.Bridge, r.ID, r.Network.NAT))
	}
	return errors.Join(faults...)
}

// killLeft is for a first process that does not heed its parent's death.
func killLeft(r *state.Record) error {
	if r.PID == 0 {
		return nil
	}
	err := signalProcess(r.PID, r.StartTicks, unix.SIGKILL)
	if errors.Is(err, unix.ESRCH) {
		return nil
	}
	return err
}

func removeCgroup(r *state.Record) error {
	if r.Cgroup == "" {
		return nil
	}
	h, err := cgroup.Find("/proc")
	if err != nil {
		return err
	}
	own := strings.HasSuffix(r.Cgroup, filepath.Join("/", cgroup.ParentName, r.ID))
	if r.Status != state.Creating || own {
		return cgroup.Remove(h, r.Cgroup)
	}
	// A path that somebody chose may have been another's when we died.
	err = unix.Rmdir(filepath.Join(h.Mount, r.Cgroup))
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EBUSY) {
		return nil
	}
	return err
}

// networkManager has one directory for the whole machine, as that has one
// bridge of a name: containers of other state directories are on it too. Who
// cannot have that one has a network of their own, or cannot have a bridge.
func networkManager(store *state.Store) *network.Manager {
	if dir, err := state.RootFor(0, ""); err == nil {
		if shared, err := state.Open(dir); err == nil {
			store = shared
		}
	}
	return &network.Manager{
		Dir: filepath.Join(store.Dir(), ".network"), Proc: "/proc",
		Lock: func() (func(), error) { return store.Lock("network") },
		At:   inject,
	}
}

// WaitStopped waits until a container's supervisor has ended.
func WaitStopped(store *state.Store, id string, timeout time.Duration) error {
	for end := time.Now().Add(timeout); ; time.Sleep(5 * time.Millisecond) {
		e, err := store.Get(id)
		if errors.Is(err, state.ErrNotFound) || err == nil && !e.Alive {
			return nil
		}
		if err != nil {
			return err
		}
		if time.Now().After(end) {
			return fmt.Errorf("wait for container %s to end: %w", id, unix.ETIMEDOUT)
		}
	}
}

// Delete forgets a container that has ended.
func Delete(store *state.Store, id string) error {
	err := store.Delete(id, func(r *state.Record) error { return cleanUp(store, r) })
	if errors.Is(err, state.ErrNotFound) {
		return exitcode.With(exitcode.Usage, err)
	}
	return err
}
