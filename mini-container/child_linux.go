package minicontainer

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"syscall"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"namespaces-cgroups-ebpf/internal/exitcode"
)

// childName is the argv[0] under which the executable starts itself again as
// the first process of a container.
const childName = "mini-container[child]"

// The child's ends of the pipes, after stdin, stdout and stderr.
const (
	configFD = 3
	statusFD = 4
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
func IsChild() bool { return len(os.Args) == 1 && os.Args[0] == childName }

// setup is what the steps share.
type setup struct {
	spec    *specs.Spec
	root    int    // O_PATH descriptor of the rootfs, until the pivot
	command string // path of the command in the container
}

// step is one thing done inside the new namespaces.
type step struct {
	name string
	man  string // page that explains the system call
	why  string // what would be wrong without it
	run  func(*setup) error
}

// steps is everything between clone(2) and execve(2), in order.
var steps = []step{
	{"private-propagation", "mount_namespaces(7)", "mounts made here would show up on the host", privatePropagation},
	{"bind-rootfs", "mount(2)", "pivot_root only takes a mount point", bindRootfs},
	{"mounts", "mount(2)", "no /proc, /sys, /dev of its own", mountAll},
	{"devices", "mknod(2)", "no /dev/null", makeDevices},
	{"device-links", "symlink(2)", "no /dev/stdin, no /dev/ptmx", linkDevices},
	{"readonly-paths", "mount(2)", "root inside could write the host's /proc/sys", readonlyPaths},
	{"masked-paths", "mount(2)", "root inside could read the host's memory and keys", maskPaths},
	{"pivot-root", "pivot_root(2)", "the host's files would still be there", pivotRoot},
	{"hostname", "sethostname(2)", "the host's name would still be there", setHostname},
	{"loopback", "netdevice(7)", "not even 127.0.0.1 would answer", loopbackUp},
	{"workdir", "chdir(2)", "the working directory could lie outside the root", enterWorkdir},
	{"find-command", "openat2(2)", "a missing command would only show at the exec", findCommand},
	{"no-new-privs", "PR_SET_NO_NEW_PRIVS(2const)", "a set-user-ID program could win privileges", noNewPrivs},
	{"groups", "setgroups(2)", "the caller's supplementary groups would stay", dropGroups},
	{"capabilities", "capabilities(7)", "root inside would be root outside", dropCapabilities},
	{"parent-death", "PR_SET_PDEATHSIG(2const)", "the container would outlive its supervisor", armParentDeath},
	{"close-on-exec", "close_range(2)", "an open descriptor would lead back to the host", closeOnExec},
}

// Child sets up the container and execs its command. It returns only if that
// did not work; the result is this process's exit code.
func Child() int {
	status := os.NewFile(statusFD, "status")
	last := child(newReceiver(os.NewFile(configFD, "config")), status)
	// The supervisor prints the error. If it is gone there is no one to tell.
	_ = send(status, last)
	return last.Error.Code
}

// child returns only with an error in the message.
func child(in *json.Decoder, out io.Writer) message {
	s := &setup{root: -1}
	if err := in.Decode(&s.spec); err != nil {
		return failed("configure", fmt.Errorf("read configuration: %w", err))
	}
	ready := s.runSteps()
	if ready.Error != nil {
		return ready
	}
	if err := synchronize(in, out, ready); err != nil {
		return failed("synchronize", err)
	}
	err := syscall.Exec(s.command, s.spec.Process.Args, s.spec.Process.Env)
	return failed("exec", execError(s.command, err))
}

// runSteps stops at the first step that does not work.
func (s *setup) runSteps() message {
	var done []StepTiming
	for _, step := range steps {
		start := time.Now()
		err := step.run(s)
		done = append(done, StepTiming{Step: step.name, By: "child", DurationNS: time.Since(start).Nanoseconds()})
		if err != nil {
			last := failed(step.name, err)
			last.Steps = done
			return last
		}
	}
	return message{Steps: done}
}

// synchronize stands still while the supervisor looks at us from outside.
func synchronize(in *json.Decoder, out io.Writer, ready message) error {
	var uts unix.Utsname
	if err := unix.Uname(&uts); err != nil {
		return fmt.Errorf("read host name: %w", err)
	}
	ready.Hostname = unix.ByteSliceToString(uts.Nodename[:])
	if err := send(out, ready); err != nil {
		return err
	}
	var word string
	if err := in.Decode(&word); err != nil || word != goAhead {
		return fmt.Errorf("wait for supervisor: got %q, %w", word, err)
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
