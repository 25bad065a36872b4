package minicontainer

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"namespaces-cgroups-ebpf/internal/exitcode"
	"namespaces-cgroups-ebpf/mini-container/internal/cgroup"
	"namespaces-cgroups-ebpf/mini-container/internal/filelimit"
	"namespaces-cgroups-ebpf/mini-container/internal/procstatus"
	"namespaces-cgroups-ebpf/mini-container/internal/seccomp"
	"namespaces-cgroups-ebpf/mini-container/internal/spawn"
	"namespaces-cgroups-ebpf/mini-container/internal/state"
)

// supervisor is the outside of one container: what its steps share.
type supervisor struct {
	*Container
	report  *Report
	process *spawn.Process  // the child
	reaped  bool            // it has ended, and that is booked
	config  *os.File        // to the child
	status  *os.File        // from the child
	seen    message         // the child's "ready"
	filter  *seccomp.Filter // compiled from the configuration

	trees      []*os.File // mounts for the child, see config
	rootTree   int
	mountTrees map[int]int

	dir        *state.Dir // nil if it is not remembered
	record     *state.Record
	hierarchy  cgroup.Hierarchy
	cgroupPath string        // "" if it has none of its own
	without    bool          // it wanted a cgroup, and can do without
	group      *cgroup.Group // nil until it is made
	endLog     func()        // nil if there is no log
	terminal   *terminal     // nil if it has none
	verdict    *os.File      // from our own PID 1; nil if there is none
}

// clone starts the child in all its namespaces at once.
func (s *supervisor) clone() error {
	plan := &spawn.Plan{Flags: cloneFlagsOf(s.Spec), Time: timeOffsets(s.Spec)}
	if s.group != nil {
		plan.Cgroup = s.group.File()
	}
	if hasNamespace(s.Spec, specs.UserNamespace) {
		plan.Map = func(pid int) error { return mapIDs("/proc", pid, s.Spec) }
	}
	if err := s.spawn(plan); err != nil {
		return cloneError(s.Spec, err)
	}
	return nil
}

// spawn starts the child. It stops at its first read from the config pipe.
func (s *supervisor) spawn(plan *spawn.Plan) error {
	configRead, configWrite, err := pipe()
	if err != nil {
		return fmt.Errorf("create pipe: %w", err)
	}
	defer configRead.Close()
	s.config = configWrite
	statusRead, statusWrite, err := pipe()
	if err != nil {
		return fmt.Errorf("create pipe: %w", err)
	}
	defer statusWrite.Close()
	s.status = statusRead
	plan.Args, plan.Env = []string{childName}, append(faultEnv(), "GOMAXPROCS=2")
	plan.Files = slices.Concat(s.streams(), []*os.File{configRead, statusWrite}, s.trees) // see configFD
	if s.Extra.Init {
		verdictRead, verdictWrite, err := os.Pipe()
		if err != nil {
			return fmt.Errorf("create pipe: %w", err)
		}
		defer verdictWrite.Close()
		s.verdict = verdictRead
		plan.Files = append(plan.Files, verdictWrite)
	}
	s.process, err = plan.Start()
	return err
}

// pipe makes one that blocks, unlike those of package os: there a goroutine
// that waits hands its work over to others, which takes longer than the wait.
func pipe() (read, write *os.File, err error) {
	var ends [2]int
	if err := unix.Pipe2(ends[:], unix.O_CLOEXEC); err != nil {
		return nil, nil, err
	}
	return os.NewFile(uintptr(ends[0]), "pipe"), os.NewFile(uintptr(ends[1]), "pipe"), nil
}

// reap makes sure that the child is gone: it may be waiting for us.
func (s *supervisor) reap() error {
	s.config.Close()
	s.status.Close()
	s.verdict.Close() // a nil file says so and is no harm
	if s.process == nil || s.reaped {
		return nil
	}
	_ = s.process.Kill()
	_, _ = s.process.Wait()
	return nil
}

// configure sends the configuration and waits until the child is set up and
// stands before its exec, or has failed.
func (s *supervisor) configure() error {
	c := s.message()
	if err := send(s.config, &c, wireConfig); err != nil {
		return s.explainEnd(fmt.Errorf("configure child: %w", err))
	}
	if err := s.rememberConfig(); err != nil { // the child has enough to do meanwhile
		return err
	}
	if err := receive(s.status, &s.seen, wireMessage); err != nil {
		return s.explainEnd(fmt.Errorf("read from child: %w", err))
	}
	return s.seen.failure()
}

// explainEnd is for a child that is gone without a word.
func (s *supervisor) explainEnd(err error) error {
	if s.group != nil {
		if oom, _ := s.group.OOM(); oom != nil {
			s.report.OOM = oom
			return exitcode.With(exitcode.Usage, fmt.Errorf("%w (memory ran out before the command was started: give it more)", err))
		}
	}
	return exitcode.With(exitcode.Harness, err)
}

func (s *supervisor) message() config {
	c := config{
		Spec: s.Spec, Extra: s.Extra, Filter: s.filter, Marks: s.Marks, Files: filelimit.Soft(),
		RootTree: s.rootTree, MountTrees: s.mountTrees,
	}
	if s.verdict != nil {
		c.Verdict = firstTreeFD + len(s.trees)
	}
	return c
}

func (s *supervisor) observes() bool { return !s.Blind }

// observe fills the report with what the kernel says of the child.
func (s *supervisor) observe() error {
	seen, err := observe("/proc", s.process.Pid)
	if err != nil {
		return exitcode.With(exitcode.Harness, fmt.Errorf("observe container: %w", err))
	}
	seen.Hostname = s.seen.Hostname
	s.report.Isolation = seen
	return nil
}

// letGo lets the child exec the command. Its end of the status pipe is
// close-on-exec: end of file means that the command runs.
func (s *supervisor) letGo() error {
	if s.group != nil {
		if err := s.group.Finish(); err != nil {
			return err
		}
	}
	said := goAhead
	if err := send(s.config, &said, word); err != nil {
		return exitcode.With(exitcode.Harness, fmt.Errorf("release child: %w", err))
	}
	var last message
	switch err := receive(s.status, &last, wireMessage); {
	case errors.Is(err, io.EOF):
		return s.observeFilter() // nothing more to say: the exec worked, or wait will tell
	case err != nil:
		return exitcode.With(exitcode.Harness, fmt.Errorf("read from child: %w", err))
	}
	return last.failure()
}

// observeFilter looks again at what comes last. Until we have waited for the
// command there is something to look at, even if it has ended.
func (s *supervisor) observeFilter() error {
	if s.report.Isolation == nil {
		return nil // a command that joins is not reported on
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.process.Pid))
	if err != nil {
		return exitcode.With(exitcode.Harness, fmt.Errorf("observe filter: %w", err))
	}
	status, err := procstatus.Parse(string(text))
	if err != nil {
		return exitcode.With(exitcode.Harness, err)
	}
	s.report.Seccomp = status.Seccomp
	return nil
}

// wait reaps the command and books how it ended.
func (s *supervisor) wait() error {
	stop := s.forward(s.Signals)
	defer stop()
	status, err := s.process.Wait()
	if err != nil {
		return exitcode.With(exitcode.Harness, fmt.Errorf("wait for command: %w", err))
	}
	s.reaped = true
	s.report.end(status)
	if s.verdict != nil {
		s.report.endBelowInit(readVerdict(s.verdict))
	}
	return nil
}

// forward passes signals on to the command until stop is called. As PID 1 of
// its namespace the command gets only those that it has a handler for, SIGKILL
// and SIGSTOP excepted: pid_namespaces(7).
func (s *supervisor) forward(signals <-chan os.Signal) (stop func()) {
	done := make(chan struct{})
	go func() {
		for {
			select {
			case sig := <-signals:
				if sig == unix.SIGWINCH && s.resize() {
					continue // the terminal tells those who use it
				}
				_ = s.process.Signal(sig) // gone already: nothing to do
			case <-done:
				return
			}
		}
	}()
	return func() { close(done) }
}
