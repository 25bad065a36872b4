package spawn

import (
	"fmt"
	"io"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// Plan says what to start, and where.
type Plan struct {
	Args, Env []string
	Files     []*os.File // become descriptors 0, 1, 2, ...; nil is /dev/null
	Flags     uintptr    // CLONE_NEW*, but for CLONE_NEWTIME
	Cgroup    *os.File   // cgroup directory to start in; nil is the caller's

	// Time, if not empty, is a new time namespace and what its
	// /proc/self/timens_offsets is given: "monotonic 60 0\n".
	Time string

	// Map is called if Flags has CLONE_NEWUSER, while the process stands
	// still: it writes the id maps of pid. The process then takes id 0.
	Map func(pid int) error

	// JoinUser and Join are namespaces to enter, the user namespace first; a
	// pid namespace among them needs no more than that.
	JoinUser *os.File
	Join     []*os.File
}

// Error says what the new process could not do.
type Error struct {
	Doing string
	Errno unix.Errno
}

// Error reads "unshare time namespace: invalid argument".
func (e *Error) Error() string { return e.Doing + ": " + e.Errno.Error() }

// Unwrap gives the errno to errors.Is.
func (e *Error) Unwrap() error { return e.Errno }

// Start executes this program again as a new process and returns once that
// has happened. The caller must have locked its thread and must keep it for as
// long as the process is to live, which dies with the thread.
func (p *Plan) Start() (*Process, error) {
	raw, err := p.prepare()
	if err != nil {
		return nil, err
	}
	defer raw.release()
	first, errno := fork(raw)
	runtime.KeepAlive(raw)
	if errno != 0 {
		return nil, &Error{Doing: "clone", Errno: errno}
	}
	raw.closeChildEnds()
	pid, err := p.follow(raw, first)
	if err != nil {
		raw.closeGate() // whoever waits there exits
		abandon(pid)
		return nil, err
	}
	return &Process{Pid: pid}, nil
}

// follow sees the new process through to its exec. It returns the process to
// reap, also with an error.
func (p *Plan) follow(raw *rawPlan, first int) (pid int, err error) {
	pid = first
	if raw.second {
		word, err := raw.next()
		if err != nil || word.stage != stagePID {
			return first, between(word.failure(err))
		}
		abandon(first) // it has nothing more to do
		pid = int(word.value)
	}
	if p.Map != nil {
		if err := p.Map(pid); err != nil {
			return pid, err
		}
		if err := raw.openGate(); err != nil {
			return pid, err
		}
	}
	word, err := raw.next()
	return pid, word.failure(err)
}

// between tells that it was not the process that is wanted. One that ends
// without a word has been killed.
func between(err error) error {
	if err == nil {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("start process in between: %w", err)
}

// abandon kills and reaps a process that is of no more use.
func abandon(pid int) {
	_ = unix.Kill(pid, unix.SIGKILL)
	for {
		if _, err := unix.Wait4(pid, nil, 0, nil); err != unix.EINTR {
			return
		}
	}
}
