package vmtest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"syscall"
)

// signalFan passes the host's signals on to the commands that run, as a
// terminal would to a process group.
type signalFan struct {
	mu      sync.Mutex
	running []*Cmd
	ending  bool // asked to end: nothing more is started
}

func newSignalFan() *signalFan { return &signalFan{} }

// endingSignals ask a program to end; the second one is not asked nicely.
var endingSignals = []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP}

// forward serves signals until ctx ends. Without a command that could take it,
// a signal ends everything.
func (f *signalFan) forward(ctx context.Context, signals <-chan syscall.Signal, cancel context.CancelCauseFunc) {
	for {
		select {
		case <-ctx.Done():
			return
		case sig := <-signals:
			if !f.pass(sig) {
				cancel(errors.New("interrupted"))
				return
			}
		}
	}
}

// pass reports whether the commands got the signal and may go on.
func (f *signalFan) pass(sig syscall.Signal) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.running) == 0 {
		return false
	}
	if slices.Contains(endingSignals, sig) {
		if f.ending {
			return false
		}
		f.ending = true
	}
	for _, cmd := range f.running {
		_ = cmd.Signal(sig)
	}
	return true
}

// wanted tells whether anything more is to be started.
func (f *signalFan) wanted() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return !f.ending
}

// add takes a command that is running; false means that none is wanted.
func (f *signalFan) add(cmd *Cmd) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ending {
		return false
	}
	f.running = append(f.running, cmd)
	return true
}

func (f *signalFan) remove(cmd *Cmd) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.running = slices.DeleteFunc(f.running, func(c *Cmd) bool { return c == cmd })
}
