package minicontainer

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"namespaces-cgroups-ebpf/internal/exitcode"
	"namespaces-cgroups-ebpf/mini-container/internal/seccomp"
	"namespaces-cgroups-ebpf/mini-container/internal/spawn"
	"namespaces-cgroups-ebpf/mini-container/internal/xdr"
)

// configFile keeps what a container was made from, for who joins it.
const configFile = "config"

// Exec is a command to be run in a container that runs already.
type Exec struct {
	In                    *Live
	Args, Env             []string // Env is added to that of the container
	Cwd                   string   // "" is the container's
	User                  string   // "USER" or "USER:GROUP"; "" is the container's
	Terminal              bool     // one of its own, connected with Stdin and Stdout
	Stdin, Stdout, Stderr *os.File
	Signals               <-chan os.Signal
}

// Run joins the container's namespaces and cgroup, gives up what the
// container's own command has given up, and executes. It returns the exit
// code; an error means that the command never ran.
func (e *Exec) Run() (int, error) {
	runtime.LockOSThread() // the command dies with the thread that started it
	defer runtime.UnlockOSThread()
	c, filter, err := e.container()
	if err != nil {
		return 0, err
	}
	s := &supervisor{Container: c, report: newReport(c.Spec, time.Now())}
	s.Extra.Join, s.Extra.Init = true, false
	s.filter = filter
	undo, err := walk(e.steps(), s, marker(false), s.note)
	return s.report.ExitCode, errors.Join(err, undo())
}

// steps is the life of a command that joins: see supervisorSteps. It is in the
// cgroup when it has nothing more to do but to become the command: a container
// that has used up its processes can be entered too.
func (e *Exec) steps() []step[*supervisor] {
	own := []step[*supervisor]{{
		Step: Step{
			"join", BySupervisor, "start the child in the namespaces of the container", "setns(2)",
			"it would run on the host", []string{"setns", "clone", "execve"},
		},
		run: e.join, undo: (*supervisor).reap,
	}}
	if e.Terminal {
		own = append(namedSteps("terminal-socket"), own...)
	}
	enter := step[*supervisor]{
		Step: Step{
			"enter-cgroup", BySupervisor, "bring the child into the container's cgroup, before it is let go", "cgroups(7)",
			"it would not be limited with the container", nil,
		},
		when: func(*supervisor) bool { return e.In.group != nil },
		run:  func(s *supervisor) error { return e.In.group.Add(s.process.Pid) },
	}
	return slices.Concat(own, namedSteps("configure", "attach"), []step[*supervisor]{enter}, namedSteps("exec", "wait"))
}

// namedSteps are some of supervisorSteps, in their order.
func namedSteps(names ...string) []step[*supervisor] {
	var some []step[*supervisor]
	for _, s := range supervisorSteps {
		if slices.Contains(names, s.Name) {
			some = append(some, s)
		}
	}
	return some
}

// container is the container's configuration with another command, and its
// filter of system calls.
func (e *Exec) container() (*Container, *seccomp.Filter, error) {
	data, err := os.ReadFile(e.In.File(configFile))
	if err != nil {
		return nil, nil, fmt.Errorf("read configuration of container %s: %w", e.In.ID, err)
	}
	var saved config
	if err := xdr.Decode(data, &saved, wireConfig); err != nil {
		return nil, nil, fmt.Errorf("read configuration of container %s: %w", e.In.ID, err)
	}
	process := *saved.Spec.Process
	process.Args, process.Env = e.Args, mergeEnv(process.Env, e.Env)
	process.Terminal = e.Terminal
	process.Cwd = orDefault(e.Cwd, process.Cwd)
	saved.Extra.User = orDefault(e.User, saved.Extra.User)
	saved.Spec.Process = &process
	c := &Container{
		Spec: saved.Spec, Extra: saved.Extra, Stdin: e.Stdin, Stdout: e.Stdout, Stderr: e.Stderr, Signals: e.Signals,
	}
	return c, saved.Filter, exitcode.With(exitcode.Usage, checkProcess(c.Spec))
}

// join starts the child. The namespaces are opened while the first process is
// known to be the one that we were told of: its pid may be reused.
func (e *Exec) join(s *supervisor) error {
	if frozen(e.In.Cgroup) {
		return exitcode.With(exitcode.Fail, fmt.Errorf("container %s is paused: what joins it would stand still", e.In.ID))
	}
	user, others, err := openNamespaces("/proc", e.In.PID)
	defer closeAll(append(others, user))
	if err == nil {
		err = signalProcess(e.In.PID, e.In.StartTicks, 0)
	}
	if err != nil {
		return fmt.Errorf("join container %s: %w", e.In.ID, err)
	}
	if err := s.spawn(&spawn.Plan{JoinUser: user, Join: others}); err != nil {
		return exitcode.With(exitcode.Harness, fmt.Errorf("join container %s: %w", e.In.ID, err))
	}
	return nil
}

// openNamespaces opens those of a process that are not ours.
func openNamespaces(proc string, pid int) (user *os.File, others []*os.File, err error) {
	dir := filepath.Join(proc, strconv.Itoa(pid))
	for _, kind := range namespaceTypes {
		theirs, err := namespaceInode(dir, kind)
		if errors.Is(err, os.ErrNotExist) {
			continue // a kind that this kernel does not have
		}
		ours, ownErr := namespaceInode(filepath.Join(proc, "self"), kind)
		if err = errors.Join(err, ownErr); err != nil {
			return user, others, err
		}
		if theirs == ours {
			continue
		}
		f, err := os.Open(filepath.Join(dir, "ns", kind))
		if err != nil {
			return user, others, err
		}
		if kind == "user" {
			user = f
		} else {
			others = append(others, f)
		}
	}
	return user, others, nil
}

func closeAll(files []*os.File) {
	for _, f := range files {
		f.Close() // a nil file says so and is no harm
	}
}

// saveConfig keeps the configuration beside the record.
func saveConfig(path string, c *config) error {
	data, err := xdr.Encode(c, wireConfig)
	if err == nil {
		err = os.WriteFile(path, data, 0o600)
	}
	if err != nil {
		return fmt.Errorf("save configuration: %w", err)
	}
	return nil
}

// joinSteps is what a child does that joins a container instead of making one:
// everything that it must give up, and nothing that makes namespaces.
func joinSteps(s *setup) []step[*setup] {
	undumpable := step[*setup]{
		Step: Step{
			"undumpable", ByChild, "let nobody in the container trace this process before it has become the command", "PR_SET_DUMPABLE(2const)",
			"the container could take over a process that still has all privileges (CVE-2016-9962)", []string{"prctl"},
		},
		run: func(*setup) error { return unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0) },
	}
	first := slices.IndexFunc(childSteps, func(s step[*setup]) bool { return s.Name == "find-user" })
	steps := []step[*setup]{undumpable}
	for _, step := range childSteps[:first] {
		again := step.Name == "oom-score" || step.Name == "apparmor"
		if again && step.when(s) || step.Name == "private-proc" && needsProc(s) {
			steps = append(steps, step)
		}
	}
	return append(steps, childSteps[first:]...)
}
