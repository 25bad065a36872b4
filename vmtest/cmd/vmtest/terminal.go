package main

import (
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"golang.org/x/term"

	"namespaces-cgroups-ebpf/vmtest"
)

// terminal is our own terminal, while a guest has it.
type terminal struct {
	in, out *os.File
	resized chan vmtest.Terminal
	winch   chan os.Signal
	done    chan struct{}

	mu    sync.Mutex
	guard *guard
	state *term.State // nil while the terminal is as it was
}

func newTerminal(in, out *os.File) (*terminal, error) {
	t := &terminal{
		in: in, out: out, resized: make(chan vmtest.Terminal, 1),
		winch: make(chan os.Signal, 1), done: make(chan struct{}),
	}
	if _, _, err := term.GetSize(int(out.Fd())); err != nil {
		return nil, fmt.Errorf("ask for the terminal's size: %w", err)
	}
	signal.Notify(t.winch, syscall.SIGWINCH)
	go t.follow()
	return t, nil
}

// guests is the terminal as the guest gets it. It becomes raw only when the
// command starts: until then Ctrl-C is ours.
func (t *terminal) guests() *vmtest.Terminal {
	size := t.size()
	size.Resized, size.Attach = t.resized, t.attach
	return &size
}

func (t *terminal) size() vmtest.Terminal {
	cols, rows, err := term.GetSize(int(t.out.Fd()))
	if err != nil || rows <= 0 || cols <= 0 {
		return vmtest.Terminal{Rows: 24, Cols: 80}
	}
	return vmtest.Terminal{Rows: uint16(rows), Cols: uint16(cols)}
}

func (t *terminal) attach() (detach func(), err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	// Before anything is changed: a process of its own, which puts it back if
	// we are killed.
	t.guard = newGuard(t.in)
	if t.state, err = term.MakeRaw(int(t.in.Fd())); err != nil {
		return nil, fmt.Errorf("set terminal: %w", err)
	}
	t.tell() // it may have changed while the VM booted
	return t.restore, nil
}

// restore makes the terminal what it was, once.
func (t *terminal) restore() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.state != nil {
		_ = term.Restore(int(t.in.Fd()), t.state)
		t.state = nil
	}
	t.guard.dismiss()
	t.guard = nil
}

// follow passes on new sizes.
func (t *terminal) follow() {
	for {
		select {
		case <-t.winch:
			t.tell()
		case <-t.done:
			return
		}
	}
}

// tell replaces a size that nobody has taken yet.
func (t *terminal) tell() {
	select {
	case <-t.resized:
	default:
	}
	select {
	case t.resized <- t.size():
	default: // another one was faster, with the same size
	}
}

func (t *terminal) close() {
	t.restore()
	signal.Stop(t.winch)
	t.mu.Lock()
	defer t.mu.Unlock()
	select {
	case <-t.done:
	default:
		close(t.done)
	}
}

// The key that ends a VM from outside, as in systemd-nspawn.
const (
	escapeKey   = 0x1d // Ctrl-]
	escapeCount = 3
)

// escapeReader looks for the escape key in what is typed, and passes on all.
type escapeReader struct {
	in     io.Reader
	escape func()
	count  int
}

// Read implements io.Reader.
func (e *escapeReader) Read(p []byte) (int, error) {
	n, err := e.in.Read(p)
	for _, b := range p[:n] {
		if b != escapeKey {
			e.count = 0
		} else if e.count++; e.count == escapeCount {
			e.escape()
		}
	}
	return n, err
}
