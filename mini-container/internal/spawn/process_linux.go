package spawn

import (
	"fmt"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// Process is a child of ours. Package os has one too, but tries on a process
// made for that what pidfds can do, which takes as long as a clone.
type Process struct {
	Pid int

	mutex  sync.Mutex
	reaped bool // the number may be another's
}

// Wait blocks this thread until the process has ended, and reaps it.
func (p *Process) Wait() (syscall.WaitStatus, error) {
	// Until it is reaped its number is its own, for those who signal it.
	for {
		err := unix.Waitid(unix.P_PID, p.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if err == nil {
			break
		}
		if err != unix.EINTR {
			return 0, fmt.Errorf("wait for process %d: %w", p.Pid, err)
		}
	}
	p.mutex.Lock()
	defer p.mutex.Unlock()
	var status syscall.WaitStatus
	for {
		_, err := syscall.Wait4(p.Pid, &status, 0, nil)
		if err == nil {
			p.reaped = true
			return status, nil
		}
		if err != unix.EINTR {
			return 0, fmt.Errorf("reap process %d: %w", p.Pid, err)
		}
	}
}

// Signal sends a signal; ESRCH after Wait, whoever has the number then.
func (p *Process) Signal(sig os.Signal) error {
	number, ok := sig.(syscall.Signal)
	if !ok {
		return unix.EINVAL
	}
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.reaped {
		return unix.ESRCH
	}
	return unix.Kill(p.Pid, number)
}

// Kill ends the process at once.
func (p *Process) Kill() error { return p.Signal(unix.SIGKILL) }
