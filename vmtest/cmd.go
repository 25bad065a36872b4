package vmtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"syscall"

	"namespaces-cgroups-ebpf/vmtest/internal/wire"
)

// Cmd is a command in a VM, with the shape of os/exec's Cmd. A Cmd is used
// once.
type Cmd struct {
	// Args holds the program and its arguments. A name without a slash is
	// looked up in the PATH of Env.
	Args []string
	// Env is the whole environment, as KEY=value.
	Env []string
	// Dir is the working directory, "/" when empty.
	Dir string
	// UID and GID the command runs with.
	UID, GID uint32
	// Modules are loaded with modprobe(8) before the command starts.
	Modules []string
	// OutDir is created empty for the command's artifacts.
	OutDir string
	// TTY gives the command a terminal of Rows and Cols, whose output is all
	// Stdout.
	TTY        bool
	Rows, Cols uint16
	// OutputLimitBytes bounds stdout and stderr together; 0 is the default
	// of 16 MiB, negative is no limit. What exceeds it is read and dropped.
	OutputLimitBytes int64
	// Stdin is read until EOF; nil is an empty input.
	Stdin io.Reader
	// Stdout and Stderr take the output as it comes; nil drops it. They are
	// written from the VM's reader and must not block for long.
	Stdout, Stderr io.Writer

	ctx     context.Context
	session *session
	id      uint32
	started chan struct{}
	exited  chan struct{}
	ahead   atomic.Int64  // bytes of input that the guest has not passed on
	acked   chan struct{} // has room for one: ahead went down
	exit    wire.Exit
	err     error
}

// ExitError is a command that did not exit with status 0.
type ExitError struct{ Exit wire.Exit }

// ExitCode is the exit status as shells give it: 128 and the signal's number
// for a signal, 126 or 127 for a command that could not be started.
func (e *ExitError) ExitCode() int { return e.Exit.Code }

// Error reads like os/exec's: "exit status 3", "signal: killed".
func (e *ExitError) Error() string {
	switch {
	case e.Exit.Error != "":
		return e.Exit.Error
	case e.Exit.Signal != 0:
		return "signal: " + syscall.Signal(e.Exit.Signal).String()
	}
	return fmt.Sprintf("exit status %d", e.Exit.Code)
}

func newCmd(ctx context.Context, s *session, args []string) *Cmd {
	return &Cmd{
		Args: args, ctx: ctx, session: s,
		started: make(chan struct{}), exited: make(chan struct{}), acked: make(chan struct{}, 1),
	}
}

// Start starts the command and returns once it was executed. An *ExitError
// says that it could not be.
func (c *Cmd) Start() error {
	if err := c.send(); err != nil {
		return err
	}
	select {
	case <-c.started:
		return nil
	case <-c.exited:
	case <-c.ctx.Done():
		return fmt.Errorf("start %s: %w", c.name(), context.Cause(c.ctx))
	}
	if isClosed(c.started) { // and over already: that is for Wait to tell
		return nil
	}
	return c.result()
}

// send asks the guest to start the command, and does not wait for it. After an
// error there is nothing to wait for either.
func (c *Cmd) send() error {
	id, err := c.session.open(c)
	if err != nil {
		return fmt.Errorf("start %s: %w", c.name(), err)
	}
	c.id = id
	if err := c.session.enc.EncodeJSON(wire.TypeRun, id, c.request()); err != nil {
		c.session.release(id)
		return fmt.Errorf("start %s: %w", c.name(), err)
	}
	if c.TTY && c.Rows > 0 && c.Cols > 0 {
		_ = c.Resize(c.Rows, c.Cols) // a broken channel ends the command anyway
	}
	go c.feed()
	if c.ctx.Done() != nil {
		go c.watch()
	}
	return nil
}

func (c *Cmd) request() wire.Run {
	return wire.Run{
		Argv: c.Args, Env: c.Env, Dir: c.Dir, UID: c.UID, GID: c.GID, Modules: c.Modules,
		OutDir: c.OutDir, TTY: c.TTY, OutputLimitBytes: c.OutputLimitBytes,
	}
}

func (c *Cmd) name() string {
	if len(c.Args) == 0 {
		return "nothing"
	}
	return c.Args[0]
}

// Wait waits for the command and its output. It returns nil for exit status
// 0, an *ExitError for any other end, and an error that is ErrLost if the
// guest went away.
func (c *Cmd) Wait() error {
	<-c.exited
	return c.result()
}

func (c *Cmd) result() error {
	switch {
	case c.err != nil:
		return fmt.Errorf("run %s: %w", c.name(), c.err)
	case c.exit.Code != 0 || c.exit.Signal != 0 || c.exit.Error != "":
		return &ExitError{Exit: c.exit}
	}
	return nil
}

// Run starts the command and waits for it.
func (c *Cmd) Run() error {
	if err := c.Start(); err != nil {
		return err
	}
	return c.Wait()
}

// Output runs the command and returns its standard output.
func (c *Cmd) Output() ([]byte, error) {
	var out bytes.Buffer
	c.Stdout = &out
	err := c.Run()
	return out.Bytes(), err
}

// CombinedOutput runs the command and returns its standard output and standard
// error as they came.
func (c *Cmd) CombinedOutput() ([]byte, error) {
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out // one reader writes both
	err := c.Run()
	return out.Bytes(), err
}

// Resize tells a command with a terminal the terminal's size.
func (c *Cmd) Resize(rows, cols uint16) error {
	return c.session.enc.EncodeJSON(wire.TypeWinsize, c.id, wire.Winsize{Rows: rows, Cols: cols})
}

// Signal sends a signal to the command's process group.
func (c *Cmd) Signal(sig syscall.Signal) error {
	return c.session.enc.EncodeJSON(wire.TypeSignal, c.id, wire.Signal{Num: int(sig), Group: true})
}

// Exited is closed when the command has ended.
func (c *Cmd) Exited() <-chan struct{} { return c.exited }

// watch kills the command when its context ends.
func (c *Cmd) watch() {
	select {
	case <-c.exited:
	case <-c.ctx.Done():
		_ = c.Signal(syscall.SIGKILL)
	}
}

// feed sends Stdin, at most a window ahead of what the guest has passed on.
func (c *Cmd) feed() {
	select {
	case <-c.started:
	case <-c.exited:
		return
	}
	defer func() { _ = c.session.enc.Encode(wire.TypeStdinClose, c.id, nil) }()
	if c.Stdin == nil {
		return
	}
	buf := make([]byte, wire.MaxStreamBytes)
	for c.room() {
		n, err := c.Stdin.Read(buf)
		c.ahead.Add(int64(n))
		if n > 0 && c.session.enc.Encode(wire.TypeStdin, c.id, buf[:n]) != nil {
			return
		}
		if err != nil {
			return
		}
	}
}

// room waits until one more piece of input fits the window. It is false once
// the command has ended.
func (c *Cmd) room() bool {
	for c.ahead.Load() > wire.StdinWindowBytes-wire.MaxStreamBytes {
		select {
		case <-c.acked:
		case <-c.exited:
			return false
		}
	}
	return true
}

// receive implements receiver.
func (c *Cmd) receive(f wire.Frame) error {
	switch f.Type {
	case wire.TypeStarted:
		return closeOnce(c.started, "started")
	case wire.TypeStdout:
		return write(c.Stdout, f.Payload)
	case wire.TypeStderr:
		return write(c.Stderr, f.Payload)
	case wire.TypeAck:
		return c.onAck(f)
	case wire.TypeExit:
		return c.onExit(f)
	}
	return fmt.Errorf("unexpected %s frame for a command", f.Type)
}

func (c *Cmd) onAck(f wire.Frame) error {
	var ack wire.Ack
	if err := f.JSON(&ack); err != nil {
		return err
	}
	c.ahead.Add(-ack.SizeBytes)
	select {
	case c.acked <- struct{}{}:
	default: // a wake-up is pending already
	}
	return nil
}

func (c *Cmd) onExit(f wire.Frame) error {
	if err := f.JSON(&c.exit); err != nil {
		return err
	}
	c.session.release(c.id)
	close(c.exited)
	return nil
}

// lost implements receiver.
func (c *Cmd) lost(err error) {
	c.err = err
	close(c.exited)
}

func write(w io.Writer, p []byte) error {
	if w == nil {
		return nil
	}
	if _, err := w.Write(p); err != nil && !errors.Is(err, io.ErrClosedPipe) {
		return &passOnError{err}
	}
	return nil
}
