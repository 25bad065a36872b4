package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"namespaces-cgroups-ebpf/internal/exitcode"
	minicontainer "namespaces-cgroups-ebpf/mini-container"
)

// A detached container has a supervisor like any other: this program again,
// in a session of its own, with the flag that only we set.
const superviseFlag = "supervise"

// readyFD is where the supervisor says what became of the start.
const readyFD = 3

// started is what it says.
type started struct {
	ID    string `json:"id,omitempty"`
	Error string `json:"error,omitempty"`
	Code  int    `json:"code,omitempty"`
}

// detach starts a supervisor and returns once its command runs, or does not.
func detach(args, command []string, stdout io.Writer) error {
	read, write, err := os.Pipe()
	if err != nil {
		return exitcode.With(exitcode.Harness, fmt.Errorf("create pipe: %w", err))
	}
	defer read.Close()
	cmd := exec.Command("/proc/self/exe", withFlag(args, command, superviseFlag)...)
	cmd.Args[0] = name
	cmd.ExtraFiles = []*os.File{write}
	cmd.SysProcAttr = &unix.SysProcAttr{Setsid: true}
	err = cmd.Start()
	write.Close()
	if err != nil {
		return exitcode.With(exitcode.Harness, fmt.Errorf("start supervisor: %w", err))
	}
	var s started
	if err := json.NewDecoder(read).Decode(&s); err != nil {
		return exitcode.With(exitcode.Harness, fmt.Errorf("start supervisor: it died: %w", err))
	}
	if s.Error != "" {
		return exitcode.With(s.Code, errors.New(s.Error))
	}
	fmt.Fprintln(stdout, s.ID)
	return nil
}

// withFlag puts a flag before the "--" in front of the command, which ends args.
func withFlag(args, command []string, flag string) []string {
	dash := len(args) - len(command) - 1
	return slices.Concat(args[:dash], []string{"--" + flag}, args[dash:])
}

// supervise runs the container for detach, which waits at readyFD.
func (f *runFlags) supervise(c *minicontainer.Container) (*minicontainer.Report, error) {
	unix.CloseOnExec(readyFD)
	c.Stdin, c.Stdout, c.Stderr = nil, nil, nil
	running := false
	c.Running = func(id string) { running = true; tell(started{ID: id}) }
	report, err := c.Run()
	if !running {
		tell(started{Error: orExit(err), Code: report.ExitCode})
	}
	return report, err
}

// tell says once what became of the start.
func tell(s started) {
	ready := os.NewFile(readyFD, "ready")
	_ = json.NewEncoder(ready).Encode(s) // gone already: nobody asks
	ready.Close()
}

// leave makes paths absolute that are used later, and then stands in the way
// of no file system. All others have been opened or made absolute by now.
func (f *runFlags) leave(c *minicontainer.Container) (err error) {
	for _, path := range []*string{&c.Spec.Root.Path, &f.report} {
		if *path != "" {
			if *path, err = filepath.Abs(*path); err != nil {
				return err
			}
		}
	}
	return os.Chdir("/")
}

func orExit(err error) string {
	if err == nil {
		return "the container ended before it ran"
	}
	return err.Error()
}
