package qemu

import (
	"errors"
	"os/exec"
	"syscall"
)

// OutOfRoom reports whether QEMU was killed because the disk is full that its
// guest's RAM is on: that is a SIGBUS, and no error that it could tell.
func (p *Process) OutOfRoom() bool {
	select {
	case <-p.exited:
	default:
		return false
	}
	var exit *exec.ExitError
	if !errors.As(p.ExitErr(), &exit) {
		return false
	}
	status, ok := exit.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGBUS
}
