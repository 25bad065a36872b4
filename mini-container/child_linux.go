package minicontainer

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"

	"namespaces-cgroups-ebpf/internal/exitcode"
	"namespaces-cgroups-ebpf/mini-container/internal/account"
	"namespaces-cgroups-ebpf/mini-container/internal/record"
)

// childName is the argv[0] under which the executable starts itself again as
// the first process of a container.
const childName = "mini-container[child]"

// The child's ends of the pipes, after stdin, stdout and stderr.
const (
	configFD    = 3
	statusFD    = 4
	firstTreeFD = 5 // mounts from the supervisor, if any
)

// Capabilities, no_new_privs and the parent-death signal belong to a thread.
// Locked before main starts, this is the main thread: all steps and the exec
// happen on it, and it is the one that /proc/PID/status shows.
func init() {
	if IsChild() {
		runtime.LockOSThread()
	}
}

// IsChild reports whether this process is to become a container, which is
// when main must call Child and nothing else.
func IsChild() bool {
	return len(os.Args) == 1 && os.Args[0] == childName || len(os.Args) > 3 && os.Args[0] == initName
}

// setup is what the steps share.
type setup struct {
	config
	root    int             // O_PATH descriptor of the rootfs, until the pivot
	proc    int             // root of a procfs that lies at no path
	image   int             // this executable, for an own PID 1
	command string          // path of the command in the container
	account account.Account // as whom it will run
}

// Child sets up the container and execs its command. It returns only if that
// did not work; the result is this process's exit code.
func Child() int {
	if os.Args[0] == initName {
		return runInit(os.Args[1], os.Args[2], os.Args[3:])
	}
	status := os.NewFile(statusFD, "status")
	last := child(os.NewFile(configFD, "config"), status)
	// The supervisor prints the error. If it is gone there is no one to tell.
	_ = send(status, &last, wireMessage)
	return last.Error.Code
}

// child returns only with an error in the message.
func child(in io.Reader, out io.Writer) message {
	s := &setup{root: -1, proc: -1, image: -1}
	if err := receive(in, &s.config, wireConfig); err != nil {
		return failed("configure", fmt.Errorf("read configuration: %w", err))
	}
	steps := childSteps
	if s.Extra.Join {
		steps = joinSteps(s)
	}
	ready := s.walk(steps)
	if ready.Error != nil {
		return ready
	}
	if err := synchronize(in, out, ready); err != nil {
		return failed("synchronize", err)
	}
	if failure := s.walk(lastSteps); failure.Error != nil {
		return failure
	}
	marker(s.Marks)(record.ExecMark())
	return failed("exec", execError(s.command, s.exec()))
}

// exec becomes the command, or the PID 1 that starts it. It returns only if
// that did not work.
func (s *setup) exec() error {
	args, env := s.Spec.Process.Args, s.Spec.Process.Env
	if s.Extra.Init {
		return s.execInit(args, env)
	}
	return syscall.Exec(s.command, args, env)
}

// walk takes steps and stops at the first step that does not work. Nothing is undone:
// what was done lies in namespaces that die with this process.
func (s *setup) walk(steps []step[*setup]) message {
	var done []StepTiming
	_, err := walk(steps, s, marker(s.Marks), func(t StepTiming) { done = append(done, t) })
	if err == nil {
		return message{Steps: done}
	}
	step := "configure"
	var at *stepFailed
	if errors.As(err, &at) {
		step, err = at.step, at.err
	}
	last := failed(step, err)
	last.Steps = done
	return last
}

// synchronize stands still while the supervisor looks at us from outside.
func synchronize(in io.Reader, out io.Writer, ready message) error {
	var uts unix.Utsname
	if err := unix.Uname(&uts); err != nil {
		return fmt.Errorf("read host name: %w", err)
	}
	ready.Hostname = unix.ByteSliceToString(uts.Nodename[:])
	if err := send(out, &ready, wireMessage); err != nil {
		return err
	}
	var said string
	if err := receive(in, &said, word); err != nil {
		return fmt.Errorf("wait for supervisor: %w", err)
	}
	if said != goAhead {
		return fmt.Errorf("wait for supervisor: got %q, want %q", said, goAhead)
	}
	return nil
}

// failed gives an error its step and its exit code.
func failed(step string, err error) message {
	var coded *exitcode.Error
	code := exitcode.Harness
	switch {
	case errors.As(err, &coded):
		code = coded.Code
	case errors.Is(err, unix.ENOSYS), errors.Is(err, unix.ENODEV):
		code = exitcode.Unsupported // no such system call, no such file system
	}
	return message{Error: &stepError{Step: step, Message: err.Error(), Code: code}}
}
