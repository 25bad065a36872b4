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
	"namespaces-cgroups-ebpf/mini-container/internal/seccomp"
)

// Container is one run to be made.
type Container struct {
	Spec                  *specs.Spec
	Extra                 Extra
	Stdin, Stdout, Stderr *os.File         // given to the command as they are; nil is /dev/null
	Signals               <-chan os.Signal // passed on to the command once it runs; nil for none
	Blind                 bool             // nobody will look at the report's Isolation: leave it empty
	Marks                 bool             // tell whoever traces where each step begins, see package record
	Outside
}

// Run makes the container, runs its command and waits for the end. The report
// is never nil. An error means that the command never ran; exitcode.Of tells
// whose fault that was. If the command ran, the error is nil whatever became
// of it: see the report's ExitCode.
//
// If the caller's process dies, SIGKILL included, the container dies with it.
func (c *Container) Run() (*Report, error) {
	report := newReport(c.Spec, time.Now())
	report.Container = orDefault(c.ID, report.ID)
	start := time.Now()
	err := c.run(report)
	report.DurationNS = time.Since(start).Nanoseconds()
	if err != nil {
		report.fail(err)
	}
	return report, err
}

func (c *Container) run(report *Report) (err error) {
	// The parent-death signal is bound to the thread that forks, so this
	// thread must live as long as the container (PR_SET_PDEATHSIG(2const)).
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	s := &supervisor{Container: c, report: report}
	undo, err := walk(supervisorSteps, s, marker(c.Marks), s.note)
	return errors.Join(err, undo())
}

// note books a step, and after configure those of the child, which it spans.
func (s *supervisor) note(t StepTiming) {
	s.report.Steps = append(s.report.Steps, t)
	if t.Step == "configure" {
		s.report.Steps = append(s.report.Steps, s.seen.Steps...)
	}
}

func (s *supervisor) validate() error {
	if err := Validate(s.Spec); err != nil {
		return exitcode.With(exitcode.Usage, err)
	}
	if err := checkMountOptions(s.Spec, s.Extra); err != nil {
		return exitcode.With(exitcode.Usage, err)
	}
	if err := s.Extra.validate(s.Spec); err != nil {
		return exitcode.With(exitcode.Usage, err)
	}
	if s.Spec.Linux.Seccomp == nil {
		return nil
	}
	var err error
	s.filter, err = seccomp.NewFilter(s.Spec.Linux.Seccomp)
	return exitcode.With(exitcode.Usage, err)
}

func (s *supervisor) checkRootfs() error {
	return exitcode.With(exitcode.Usage, checkRootfs(s.Spec.Root.Path))
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
