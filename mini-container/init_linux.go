package minicontainer

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// initName is the argv[0] under which the executable runs as PID 1 of a
// container. The number of the descriptor for the verdict, the path of the
// command and its arguments follow.
const initName = "mini-container[init]"

// keepImage holds this executable open: after the pivot it lies at no path.
func keepImage(s *setup) (err error) {
	if s.image, err = unix.Open("/proc/self/exe", unix.O_PATH|unix.O_CLOEXEC, 0); err != nil {
		return fmt.Errorf("open executable: %w", err)
	}
	return nil
}

// execInit starts this executable afresh, and not only a loop in this process:
// the exec leaves one thread, and that has given its privileges away.
func (s *setup) execInit(args, env []string) error {
	if _, err := unix.FcntlInt(uintptr(s.Verdict), unix.F_SETFD, 0); err != nil {
		return fmt.Errorf("keep descriptor for PID 1: %w", err)
	}
	return syscall.Exec(procFD(s.image), append([]string{initName, strconv.Itoa(s.Verdict), s.command}, args...), env)
}

// runInit is PID 1: it starts the command, passes all signals on to it, reaps
// whatever is orphaned, and ends when the command does, as the command did.
// With PID 1 the kernel ends everything else in the container.
func runInit(verdict, command string, args []string) int {
	fd, _ := strconv.Atoi(verdict) // we wrote it
	unix.CloseOnExec(fd)
	signals := make(chan os.Signal, 64)
	signal.Notify(signals)
	// A process group of its own, in front if we have a terminal: Ctrl-C is
	// for the command, and would else come twice. The caller's is not ours.
	_, err := unix.IoctlGetInt(0, unix.TIOCGPGRP)
	process, err := os.StartProcess(command, args, &os.ProcAttr{
		Env: os.Environ(), Files: []*os.File{os.Stdin, os.Stdout, os.Stderr},
		Sys: &syscall.SysProcAttr{Setpgid: true, Foreground: err == nil},
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, "mini-container:", err)
		return initExitCode(command, err)
	}
	ended := make(chan unix.WaitStatus, 1)
	go func() { ended <- reapAll(process.Pid) }()
	for {
		select {
		case s := <-signals:
			if passedOn(s) {
				_ = process.Signal(s)
			}
		case status := <-ended:
			if status.Signaled() {
				_, _ = unix.Write(fd, []byte{byte(status.Signal())}) // a supervisor that is gone does not ask
			}
			_, code, _ := outcome(syscall.WaitStatus(status))
			return code
		}
	}
}

func initExitCode(command string, err error) int {
	var path *os.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	return failed("exec", execError(command, err)).Error.Code
}

// passedOn: SIGCHLD is for PID 1 itself, SIGURG is the Go runtime's own.
func passedOn(s os.Signal) bool { return s != unix.SIGCHLD && s != unix.SIGURG }

// reapAll waits for every process that has no other parent, until pid is gone.
func reapAll(pid int) (status unix.WaitStatus) {
	const lost = signalBase << 8 // an exit code, as wait(2) has it
	for {
		reaped, err := unix.Wait4(-1, &status, 0, nil)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return lost // nobody left to wait for: cannot happen before pid
		}
		if reaped == pid {
			return status
		}
	}
}
