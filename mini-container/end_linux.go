package minicontainer

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"

	"namespaces-cgroups-ebpf/internal/exitcode"
)

// signalBase is what shells add to the number of the signal that killed a
// command to make an exit code of it.
const signalBase = 128

// end books how the command ended.
func (r *Report) end(status syscall.WaitStatus) {
	r.Outcome, r.ExitCode, r.Signal = outcome(status)
}

func outcome(status syscall.WaitStatus) (outcome string, code int, signal string) {
	if status.Signaled() {
		return OutcomeSignaled, signalBase + int(status.Signal()), unix.SignalName(status.Signal())
	}
	return OutcomeExited, status.ExitStatus(), ""
}

// fail books why the command never ran.
func (r *Report) fail(err error) {
	r.Outcome, r.ExitCode = OutcomeSetupFailed, exitcode.Of(err)
	r.Error = &Failure{Step: "supervisor", Message: err.Error()}
	var inside *stepError
	var outside *stepFailed
	switch {
	case errors.As(err, &inside):
		r.Error = &Failure{Step: inside.Step, Message: inside.Message}
	case errors.As(err, &outside):
		r.Error.Step = outside.step
	}
}
