package minicontainer

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"namespaces-cgroups-ebpf/internal/exitcode"
)

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

// forward passes signals on to the command until stop is called. As PID 1 of
// its namespace the command gets only those that it has a handler for, SIGKILL
// and SIGSTOP excepted: pid_namespaces(7).
func (s *supervisor) forward(signals <-chan os.Signal) (stop func()) {
	done := make(chan struct{})
	go func() {
		for {
			select {
			case sig := <-signals:
				_ = s.cmd.Process.Signal(sig) // gone already: nothing to do
			case <-done:
				return
			}
		}
	}()
	return func() { close(done) }
}
