package minicontainer

import (
	"errors"
	"os"
	"syscall"
	"time"

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

// endBelowInit corrects the end of our PID 1 to that of the command, if a
// signal ended that: PID 1 of a namespace cannot die by a signal of its own,
// and its exit code alone could as well be the command's. The word is that of
// a process in the container, so it has to fit the exit code.
func (r *Report) endBelowInit(signal syscall.Signal) {
	if signal != 0 && r.Outcome == OutcomeExited && r.ExitCode == signalBase+int(signal) {
		r.Outcome, r.Signal = OutcomeSignaled, unix.SignalName(signal)
	}
}

// readVerdict is 0 if PID 1 said nothing. It is gone, so nothing can come later.
func readVerdict(from *os.File) syscall.Signal {
	word := make([]byte, 1)
	_ = from.SetReadDeadline(time.Now().Add(time.Second)) // whoever else holds the other end does not hold us
	if n, _ := from.Read(word); n == 0 {
		return 0
	}
	return syscall.Signal(word[0])
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
