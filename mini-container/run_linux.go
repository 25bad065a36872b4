package minicontainer

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"namespaces-cgroups-ebpf/internal/exitcode"
)

// Container is one run to be made.
type Container struct {
	Spec                  *specs.Spec
	Stdin, Stdout, Stderr *os.File         // given to the command as they are; nil is /dev/null
	Signals               <-chan os.Signal // passed on to the command once it runs; nil for none
}

// Run makes the container, runs its command and waits for the end. The report
// is never nil. An error means that the command never ran; exitcode.Of tells
// whose fault that was. If the command ran, the error is nil whatever became
// of it: see the report's ExitCode.
//
// If the caller's process dies, SIGKILL included, the container dies with it.
func (c *Container) Run() (*Report, error) {
	report := newReport(c.Spec, time.Now())
	start := time.Now()
	err := c.run(report)
	report.DurationNS = time.Since(start).Nanoseconds()
	if err != nil {
		report.fail(err)
	}
	return report, err
}

func (c *Container) run(report *Report) error {
	if err := Validate(c.Spec); err != nil {
		return exitcode.With(exitcode.Usage, err)
	}
	if err := checkRootfs(c.Spec.Root.Path); err != nil {
		return exitcode.With(exitcode.Usage, err)
	}
	// The parent-death signal is bound to the thread that forks, so this
	// thread must live as long as the container (PR_SET_PDEATHSIG(2const)).
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	var s *supervisor
	err := report.timed("clone", func() (err error) {
		s, err = c.start()
		return err
	})
	if err != nil {
		return cloneError(c.Spec, err)
	}
	defer s.closePipes()
	if err := s.setUp(report); err != nil {
		s.cmd.Process.Kill() // it may be waiting for us
		s.cmd.Wait()
		return err
	}
	stop := s.forward(c.Signals)
	defer stop()
	return report.timed("wait", func() error { return s.wait(report) })
}

// supervisor is the outside of a container that has been cloned.
type supervisor struct {
	cmd    *exec.Cmd
	spec   *specs.Spec
	config *os.File      // to the child
	status *os.File      // from the child
	from   *json.Decoder // messages on status
}

// start clones the child into all its namespaces at once. It stops at its
// first read from the config pipe.
func (c *Container) start() (*supervisor, error) {
	configRead, configWrite, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("create pipe: %w", err)
	}
	defer configRead.Close()
	statusRead, statusWrite, err := os.Pipe()
	if err != nil {
		configWrite.Close()
		return nil, fmt.Errorf("create pipe: %w", err)
	}
	defer statusWrite.Close()
	s := &supervisor{spec: c.Spec, config: configWrite, status: statusRead, from: newReceiver(statusRead)}
	s.cmd = &exec.Cmd{
		Path: "/proc/self/exe", Args: []string{childName}, Env: []string{"GOMAXPROCS=1"},
		ExtraFiles:  []*os.File{configRead, statusWrite}, // fd 3 and 4 of the child
		SysProcAttr: cloneAttributes(c.Spec),
	}
	s.setStreams(c)
	if err := s.cmd.Start(); err != nil {
		s.closePipes()
		return nil, err
	}
	return s, nil
}

// setStreams hands over the files themselves: an *os.File in an interface is
// not copied through a pipe. A nil file must stay a nil interface.
func (s *supervisor) setStreams(c *Container) {
	if c.Stdin != nil {
		s.cmd.Stdin = c.Stdin
	}
	if c.Stdout != nil {
		s.cmd.Stdout = c.Stdout
	}
	if c.Stderr != nil {
		s.cmd.Stderr = c.Stderr
	}
}

func (s *supervisor) closePipes() {
	s.config.Close()
	s.status.Close()
}

// setUp drives the child up to the point where the command runs.
func (s *supervisor) setUp(report *Report) error {
	var ready message
	err := report.timed("configure", func() (err error) {
		ready, err = s.configure()
		return err
	})
	report.Steps = append(report.Steps, ready.Steps...)
	if err != nil {
		return err
	}
	err = report.timed("observe", func() error {
		seen, err := observe("/proc", s.cmd.Process.Pid)
		if err != nil {
			return exitcode.With(exitcode.Harness, fmt.Errorf("observe container: %w", err))
		}
		seen.Hostname = ready.Hostname
		report.Isolation = seen
		return nil
	})
	if err != nil {
		return err
	}
	return report.timed("exec", s.letGo)
}

// configure sends the configuration and waits until the child is set up and
// stands before its exec, or has failed.
func (s *supervisor) configure() (message, error) {
	if err := send(s.config, s.spec); err != nil {
		return message{}, exitcode.With(exitcode.Harness, fmt.Errorf("configure child: %w", err))
	}
	var ready message
	if err := s.from.Decode(&ready); err != nil {
		return message{}, exitcode.With(exitcode.Harness, fmt.Errorf("read from child: %w", err))
	}
	return ready, ready.failure()
}

// letGo lets the child exec the command. Its end of the status pipe is
// close-on-exec: end of file means that the command runs.
func (s *supervisor) letGo() error {
	if err := send(s.config, goAhead); err != nil {
		return exitcode.With(exitcode.Harness, fmt.Errorf("release child: %w", err))
	}
	var last message
	if err := s.from.Decode(&last); err != nil {
		return nil //nolint:nilerr // nothing more to say: the exec worked, or wait will tell
	}
	return last.failure()
}

// wait reaps the command and books how it ended.
func (s *supervisor) wait(report *Report) error {
	err := s.cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return exitcode.With(exitcode.Harness, fmt.Errorf("wait for command: %w", err))
	}
	report.end(s.cmd.ProcessState)
	return nil
}

func checkRootfs(path string) error {
	if path == "" {
		return errors.New("no rootfs given")
	}
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("open rootfs: %w", err)
	}
	if !info.IsDir() {
		return fmt.Errorf("open rootfs: %s is not a directory", path)
	}
	if real, err := filepath.EvalSymlinks(path); err == nil && real == "/" {
		return errors.New("open rootfs: / is the root of the host")
	}
	return nil
}
