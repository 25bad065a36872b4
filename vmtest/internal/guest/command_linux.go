package guest

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"namespaces-cgroups-ebpf/vmtest/internal/wire"
)

// Statuses of a command that never ran, as shells give them.
const (
	codeCannotRun = 126
	codeNotFound  = 127
)

// command is one Run from its frame to its Exit.
type command struct {
	session *session
	id      uint32
	run     wire.Run
	input   *input
	output  *output

	mu       sync.Mutex
	pid      int
	pending  *wire.Signal
	size     *wire.Winsize
	terminal *os.File
}

func newCommand(s *session, id uint32, run wire.Run) *command {
	if run.Dir == "" {
		run.Dir = "/"
	}
	ack := func(n int) error {
		return s.enc.EncodeJSON(wire.TypeAck, id, wire.Ack{SizeBytes: int64(n)})
	}
	return &command{
		session: s, id: id, run: run,
		input: newInput(ack), output: newOutput(s.enc, id, run.OutputLimitBytes),
	}
}

// supervise takes the command through its life and reports the end.
func (c *command) supervise() error {
	exit, err := c.execute()
	if err != nil {
		exit = wire.Exit{Code: codeCannotRun, Error: err.Error()}
		if errors.Is(err, os.ErrNotExist) {
			exit.Code = codeNotFound
		}
	}
	return c.session.report(c.id, exit)
}

func (c *command) execute() (wire.Exit, error) {
	defer c.input.stop()
	path, err := c.prepare()
	if err != nil {
		return wire.Exit{}, err
	}
	streams, err := openStreams(c.run.TTY)
	if err != nil {
		return wire.Exit{}, err
	}
	before, n := c.session.inventory()
	began := time.Now()
	ended, err := c.start(path, streams)
	if err != nil {
		streams.close()
		return wire.Exit{}, err
	}
	c.session.spawn("input", func() error { return c.input.pump(streams.input, c.run.TTY) })
	for _, pipe := range streams.outputs {
		c.output.pump(c.session, pipe)
	}
	end := <-ended
	exit := c.settle(end, time.Since(began), streams)
	exit.LeftBehind = c.session.leftBehind(before, n)
	// Nothing may follow Exit: closing wakes a pump that is stuck in a write.
	c.input.stop()
	streams.close()
	<-c.input.pumped
	return exit, nil
}

// start executes the program and tells the host.
func (c *command) start(path string, streams *streams) (<-chan ending, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	attr := &syscall.ProcAttr{
		Dir: c.run.Dir, Env: c.run.Env, Files: streams.child[:],
		Sys: &syscall.SysProcAttr{Setsid: true, Setctty: c.run.TTY, Credential: credential(c.run)},
	}
	if c.run.TTY {
		c.terminal = streams.input
		if c.size != nil {
			_ = setWinsize(c.terminal, *c.size)
		}
	}
	pid, ended, err := c.session.reaper.start(func() (int, error) {
		return c.session.platform.Start(path, c.run.Argv, attr)
	})
	streams.closeChild()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", path, err)
	}
	c.pid = pid
	if c.pending != nil {
		_ = c.session.reaper.signal(pid, c.pending.Group, unix.Signal(c.pending.Num))
	}
	return ended, c.session.enc.EncodeJSON(wire.TypeStarted, c.id, wire.Started{PID: pid})
}

// credential is nil when nothing changes, which an unprivileged test relies on.
func credential(run wire.Run) *syscall.Credential {
	if int(run.UID) == os.Geteuid() && int(run.GID) == os.Getegid() {
		return nil
	}
	return &syscall.Credential{Uid: run.UID, Gid: run.GID}
}

// settle collects the rest of the output, kills what is left and sums up. A
// pipeline's last process may outlive the shell for a moment, so the pipes get
// a short time to end on their own first.
func (c *command) settle(end ending, took time.Duration, streams *streams) wire.Exit {
	c.output.wait(outputGrace)
	leftover := c.session.sweep(c.pid)
	c.output.finish(streams)
	exit := wire.Exit{
		Code:        end.status.ExitStatus(),
		DurationNS:  took.Nanoseconds(),
		UserNS:      end.usage.Utime.Nano(),
		SystemNS:    end.usage.Stime.Nano(),
		MaxRSSBytes: end.usage.Maxrss * 1024,
		Leftover:    leftover,
		StdoutBytes: c.output.stdout.Load(),
		StderrBytes: c.output.stderr.Load(),
		Truncated:   c.output.truncated.Load(),
	}
	if end.status.Signaled() {
		exit.Signal = int(end.status.Signal())
		exit.Code = 128 + exit.Signal
	}
	return exit
}
