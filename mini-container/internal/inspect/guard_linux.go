package inspect

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// System is the running kernel, by the procfs and the cgroup file system
// mounted there; root is the cgroup that is mounted. landlock asks for the version of Landlock.
func System(proc, cgroup, root string, landlock func() int) *Kernel {
	return &Kernel{Proc: proc, Cgroup: cgroup, CgroupRoot: root, Guard: OpenGuard, Relate: Relate, Devices: Devices, Landlock: landlock}
}

// pidfd is a Guard of the kernel's, see pidfd_open(2).
type pidfd int

// OpenGuard holds on to a process.
func OpenGuard(pid int) (Guard, error) {
	fd, err := unix.PidfdOpen(pid, 0)
	switch {
	case err == nil:
		return pidfd(fd), nil
	case errors.Is(err, unix.ESRCH):
		return nil, ErrNoProcess
	case errors.Is(err, unix.EINVAL), errors.Is(err, unix.ENOENT):
		if _, statErr := os.Stat(fmt.Sprintf("/proc/%d", pid)); statErr == nil {
			return nil, ErrThread
		}
		return nil, ErrNoProcess
	}
	return nil, fmt.Errorf("open pidfd: %w", err)
}

// Alive looks without waiting: the descriptor is readable once the process has
// ended, reaped or not.
func (p pidfd) Alive() error {
	events := []unix.PollFd{{Fd: int32(p), Events: unix.POLLIN}}
	for {
		n, err := unix.Poll(events, 0)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return fmt.Errorf("ask pidfd: %w", err)
		case n > 0:
			return ErrEnded
		}
		return nil
	}
}

// Close lets go of it.
func (p pidfd) Close() { _ = unix.Close(int(p)) }
