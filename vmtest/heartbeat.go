package vmtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"

	"namespaces-cgroups-ebpf/vmtest/internal/qemu"
	"namespaces-cgroups-ebpf/vmtest/internal/verdict"
	"namespaces-cgroups-ebpf/vmtest/internal/wire"
)

const (
	// silenceBudget is how long a guest may send nothing at all, heartbeats
	// included, on the machine that budgets are made for.
	silenceBudget = 30 * time.Second
	// watchInterval is how often to look; init's heart beats as often.
	watchInterval = time.Second
	// glanceEvery is the number of silent looks after which the CPUs are looked
	// at: a guest that is halted for good need not be waited for.
	glanceEvery = 4
	// inspectBudget bounds QEMU's answer; lookAgain is between two looks at the
	// CPUs.
	inspectBudget = 10 * time.Second
	lookAgain     = 300 * time.Millisecond
)

// errSilent: the guest was given up, since nothing was heard of it.
var errSilent = errors.New("guest is silent")

// monitor is what watch needs of QEMU.
type monitor interface {
	Status(context.Context) (string, error)
	CPUs(context.Context) ([]qemu.CPU, error)
}

// watcher notices a guest that has gone silent, long before a test's timeout,
// and finds out from outside what it does.
type watcher struct {
	session  *session
	monitor  monitor
	exited   <-chan struct{} // QEMU
	patience time.Duration   // silence that is too long, once the guest is ready
	interval time.Duration
	answer   time.Duration // how long QEMU may take to answer
	again    time.Duration // between two looks at the CPUs
	silent   int           // looks in a row that found nothing new
}

// converse makes a session the VM's, and watches it.
func (vm *VM) converse(s *session) {
	vm.session = s
	go newWatcher(s, vm.process, vm.assets.speed).run()
}

func newWatcher(s *session, p *qemu.Process, sp *speed) *watcher {
	return &watcher{
		session: s, monitor: p.QMP, exited: p.Exited(), patience: sp.scale(silenceBudget),
		interval: watchInterval, answer: sp.scale(inspectBudget), again: lookAgain,
	}
}

// run watches until the session ends. It counts looks rather than time: while
// this process itself does not run, nobody listens.
func (w *watcher) run() {
	tick := time.NewTicker(w.interval)
	defer tick.Stop()
	seen := uint64(0)
	for {
		select {
		case <-w.session.ended:
			return
		case <-w.exited:
			return
		case <-tick.C:
		}
		if frames := w.session.frames(); frames != seen || w.session.busy() {
			seen, w.silent = frames, 0
			continue
		}
		w.silent++
		if w.judge() {
			return
		}
	}
}

// judge gives the guest up if it was silent for too long, or is halted for
// good. How long a boot may take is not for the watcher to say.
func (w *watcher) judge() bool {
	if !w.tooLong() && w.silent%glanceEvery != 0 {
		return false
	}
	s := w.inspect()
	if s.Status == "" { // nothing was heard in that time either
		w.silent += int(w.answer / w.interval)
	}
	if !w.tooLong() && (s.CPUs != verdict.CPUsHalted || s.Status != "running") {
		return false
	}
	s.ForNS = (time.Duration(w.silent) * w.interval).Nanoseconds()
	w.session.giveUp(s)
	return true
}

func (w *watcher) tooLong() bool {
	return isClosed(w.session.ready) && time.Duration(w.silent)*w.interval >= w.patience
}

// inspect asks QEMU twice where the guest's CPUs are.
func (w *watcher) inspect() verdict.Silence {
	ctx, cancel := context.WithTimeoutCause(context.Background(), w.answer, fmt.Errorf("no answer within %v", w.answer))
	defer cancel()
	var s verdict.Silence
	status, err := w.monitor.Status(ctx)
	if err != nil {
		return verdict.Silence{Detail: err.Error()}
	}
	s.Status = status
	var seen []qemu.CPU
	for look := range 2 {
		if look > 0 {
			time.Sleep(w.again)
		}
		cpus, err := w.monitor.CPUs(ctx)
		if err != nil {
			s.Detail = err.Error()
			return s
		}
		seen = append(seen, cpus...)
		s.Detail = describe(cpus)
	}
	s.CPUs = state(seen)
	return s
}

// state sums up all looks at all CPUs.
func state(cpus []qemu.CPU) string {
	sum := verdict.CPUsHalted
	for _, c := range cpus {
		switch {
		case !c.Halted:
			return verdict.CPUsSpin
		case !c.Dead():
			sum = verdict.CPUsIdle
		}
	}
	return sum
}

func describe(cpus []qemu.CPU) string {
	var words []string
	for i, c := range cpus {
		words = append(words, fmt.Sprintf("CPU %d %v", i, c))
	}
	return strings.Join(words, ", ")
}

// giveUp ends the session of a silent guest.
func (s *session) giveUp(silence verdict.Silence) {
	s.mu.Lock()
	s.silent = &silence
	s.mu.Unlock()
	_ = s.conn.Close()
}

// silenced is why giveUp was called, or nil.
func (s *session) silenced() *verdict.Silence {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.silent
}

// broken is how the guest's end of the channel broke the protocol, or "". That
// it ended is no breach, nor that init gave up and said so, nor that we could
// not pass something on.
func (s *session) broken() string {
	err := s.cause()
	var network *net.OpError
	var gaveUp *initError
	var host *passOnError
	switch {
	case errors.Is(err, wire.ErrTruncated):
	case err == nil, errors.Is(err, errSilent), errors.Is(err, io.EOF), errors.Is(err, os.ErrClosed), errors.Is(err, net.ErrClosed),
		errors.As(err, &network), errors.As(err, &gaveUp), errors.As(err, &host):
		return ""
	}
	return strings.TrimPrefix(err.Error(), ErrLost.Error()+": ")
}

// initError is what guest init says when it gives up.
type initError struct{ message string }

func (e *initError) Error() string { return "guest init gave up: " + e.message }

// passOnError is output that could not be written on the host.
type passOnError struct{ err error }

func (e *passOnError) Error() string { return fmt.Sprintf("pass on output: %v", e.err) }
func (e *passOnError) Unwrap() error { return e.err }
