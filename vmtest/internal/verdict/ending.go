package verdict

import (
	"fmt"
	"syscall"
	"time"

	"namespaces-cgroups-ebpf/internal/report"
)

// gone names what became of a guest that has no proper end, nil where there is
// no name for it. The guest kernel's own words go before everything.
func (t Trace) gone() *finding {
	if line := panicLine(t.Console); line != "" {
		return found(report.Panic, "%s", line)
	}
	switch {
	case t.Broken != "":
		return found(report.Lost, "result channel cannot be trusted: %s", t.Broken)
	case t.Silence != nil:
		return t.silent()
	case t.Done != nil:
		return nil
	}
	if f := t.qemuEnded(); f != nil {
		return f
	}
	switch t.Shutdown {
	case "guest-shutdown":
		return found(report.Lost, "guest powered off%s", t.killedAgent())
	case "guest-reset":
		return t.reset()
	case "guest-panic":
		return found(report.Panic, "guest kernel panicked and left no words on the console")
	case "host-signal":
		return found(report.Lost, "somebody on the host told QEMU to stop")
	}
	return nil
}

// silent judges a guest that was given up because nothing was heard of it. It
// would never have ended in its time, unless QEMU is the one that stands still.
func (t Trace) silent() *finding {
	s := *t.Silence
	since := time.Duration(s.ForNS).Round(time.Second)
	halted := saidOnConsole(t.Console, "reboot: System halted")
	switch {
	case s.Status == "":
		return found(report.Infra, "QEMU is stuck: it does not answer (%s), and the guest was silent for %v", s.Detail, since)
	case s.Status != "running":
		return found(report.Infra, "QEMU has stopped the guest (%s), which was silent for %v", s.Status, since)
	case halted != "":
		return found(report.Lost, "guest halted: %s", halted)
	case s.CPUs == CPUsHalted:
		return found(report.Lost, "guest halted without a word: %s", s.Detail)
	}
	return found(report.Timeout, "guest hung: silent for %v, CPUs %s (%s)", since, s.CPUs, s.Detail)
}

// qemuEnded: QEMU ends with status 0 whatever the guest does.
func (t Trace) qemuEnded() *finding {
	q := t.QEMU
	if q == nil || q.ByUs || (q.Signal == 0 && q.Code == 0) {
		return nil
	}
	how := fmt.Sprintf("QEMU ended with exit status %d", q.Code)
	if q.Signal != 0 {
		how = fmt.Sprintf("QEMU was killed by signal %d (%v)", q.Signal, syscall.Signal(q.Signal))
	}
	if q.Stderr != "" {
		how += ": " + q.Stderr
	}
	return found(report.Lost, "%s", how)
}

// reset tells a guest that was told to reboot from one whose CPU gave up.
func (t Trace) reset() *finding {
	for _, prefix := range []string{"reboot: Restarting system", "sysrq: Resetting", "reboot: machine restart"} {
		if line := saidOnConsole(t.Console, prefix); line != "" {
			return found(report.Lost, "guest rebooted: %s", line)
		}
	}
	return found(report.Lost, "guest reset itself without a word: a triple fault or a hard reset")
}

// killedAgent: where systemd is process 1, our agent is a process like others.
func (t Trace) killedAgent() string {
	for _, line := range kernelLines(t.Console) {
		if agentOOM.MatchString(line) {
			return " after its agent was killed for memory: " + line
		}
	}
	return ""
}

// boot finds out whether there was a VM at all. Whatever happened before the
// beacon is our fault, a panic included.
func (t Trace) boot() *finding {
	if t.Hello != nil && t.Hello.Release != t.Release {
		return found(report.Infra, "booted %s, want %s", t.Hello.Release, t.Release)
	}
	if t.Hello != nil {
		return nil
	}
	switch {
	case panicLine(t.Console) != "":
		return found(report.Infra, "kernel panic before init: %s", panicLine(t.Console))
	case t.Shutdown == "guest-reset":
		return found(report.Infra, "kernel reset the machine before init answered, and would do so for ever: %s", t.fault())
	case t.Silence != nil && t.Silence.CPUs == CPUsHalted && len(kernelLines(t.Console)) == 0:
		return found(report.Infra, "kernel stopped before its first word, so its image may be damaged: %s", t.fault())
	}
	return found(report.Infra, "init never answered: %s", t.fault())
}

// Ending returns why the VM's end takes back every pass, or "" for a session
// that was closed in order by a guest that then shut itself down.
func (t Trace) Ending() string {
	switch exits := t.exits(); {
	case t.Hello == nil:
		return "init never answered: " + t.fault()
	case panicLine(t.Console) != "":
		return "kernel panic at the end: " + panicLine(t.Console)
	case t.Done == nil:
		return "no done frame: " + t.why()
	case t.Fault != "":
		return "session broke: " + t.Fault
	case t.Done.Runs != exits:
		return fmt.Sprintf("guest counts %d runs, host recorded %d", t.Done.Runs, exits)
	case t.Shutdown != "guest-shutdown":
		return fmt.Sprintf("guest did not shut down properly (reason %q)", t.Shutdown)
	}
	return ""
}

// why is the name of the guest's end where it has one, and what we saw of it.
func (t Trace) why() string {
	if f := t.gone(); f != nil {
		return f.reason
	}
	return t.fault()
}

// exits counts the runs of which the guest reported the end.
func (t Trace) exits() int {
	n := 0
	for _, r := range t.Runs {
		if r.Exit != nil {
			n++
		}
	}
	return n
}

func (t Trace) fault() string {
	if t.Fault != "" {
		return t.Fault
	}
	return fmt.Sprintf("no reason recorded (shutdown %q)", t.Shutdown)
}
