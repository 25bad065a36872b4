package qemu

import (
	"errors"
	"os/exec"
	"syscall"
)

// End is how a QEMU process ended.
type End struct {
	Code   int    // exit status, -1 if a signal ended it
	Signal int    // 0 for none
	ByUs   bool   // it still ran, and Close killed it
	Stderr string // its last words
}

// End tells how QEMU ended. Valid after Exited.
func (p *Process) End() End {
	end := End{ByUs: p.killed.Load(), Stderr: lastLine(p.Stderr.Bytes())}
	var exit *exec.ExitError
	if errors.As(p.ExitErr(), &exit) {
		end.Code = exit.ExitCode()
		if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
			end.Signal = int(status.Signal())
		}
	}
	return end
}
