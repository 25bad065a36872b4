package minicontainer

import (
	"errors"
	"fmt"
	"os"
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
		_ = s.cmd.Process.Kill() // it may be waiting for us
		_ = s.cmd.Wait()
		return err
	}
	stop := s.forward(c.Signals)
	defer stop()
	return report.timed("wait", func() error { return s.wait(report) })
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
