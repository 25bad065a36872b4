package record

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// Command is the program to record.
type Command struct {
	Path string
	Args []string // the name first
	// Name tells what a system call of this machine is called; "" if unknown.
	Name     func(number uint64) string
	Observer Observer // nil for nobody
}

// traceOptions: everything that comes of the program is traced too, and dies
// with us.
const traceOptions = unix.PTRACE_O_TRACESYSGOOD | unix.PTRACE_O_TRACECLONE | unix.PTRACE_O_TRACEFORK |
	unix.PTRACE_O_TRACEVFORK | unix.PTRACE_O_TRACEEXEC | unix.PTRACE_O_EXITKILL

// Run runs the command with our standard streams until it has ended, and
// writes down what it and its children do. started is called with its PID.
func Run(c Command, started func(pid int)) (*Recording, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	process, err := os.StartProcess(c.Path, c.Args, &os.ProcAttr{
		Files: []*os.File{os.Stdin, os.Stdout, os.Stderr}, Sys: &syscall.SysProcAttr{Ptrace: true},
	})
	if err != nil {
		return nil, fmt.Errorf("start program to record: %w", err)
	}
	defer func() { _ = process.Release() }() // the loop reaps it
	t := &tracer{Command: c, main: process.Pid, threads: map[int]*thread{}, early: map[int]bool{}, recording: &Recording{}}
	started(process.Pid)
	if err := t.begin(); err != nil {
		_ = process.Kill()
		return nil, err
	}
	if err := t.loop(); err != nil {
		_ = process.Kill()
		return nil, err
	}
	return t.recording, nil
}

// begin waits for the stop at the program's exec, which is the first.
func (t *tracer) begin() error {
	var status unix.WaitStatus
	if err := waitFor(t.main, &status); err != nil {
		return fmt.Errorf("wait for program to record: %w", err)
	}
	if !status.Stopped() {
		return fmt.Errorf("record: the program ended before it began")
	}
	if err := unix.PtraceSetOptions(t.main, traceOptions); err != nil {
		return fmt.Errorf("set ptrace options: %w", err)
	}
	t.threads[t.main] = &thread{process: &process{pid: t.main}}
	return t.resume(t.main, 0)
}

func waitFor(pid int, status *unix.WaitStatus) error {
	for {
		_, err := unix.Wait4(pid, status, unix.WALL, nil)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// loop goes on until there is nothing left that is traced.
func (t *tracer) loop() error {
	for len(t.threads)+len(t.early) > 0 {
		var status unix.WaitStatus
		id, err := unix.Wait4(-1, &status, unix.WALL, nil)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if errors.Is(err, unix.ECHILD) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("wait for what is recorded: %w", err)
		}
		if err := t.handle(id, status); err != nil && !errors.Is(err, unix.ESRCH) { // ESRCH: killed meanwhile
			return err
		}
	}
	return nil
}

func (t *tracer) handle(id int, status unix.WaitStatus) error {
	switch {
	case status.Exited(), status.Signaled():
		t.ended(id, status)
		return nil
	case !status.Stopped():
		return nil
	}
	th, known := t.threads[id]
	if !known { // stopped before we heard of its making
		t.early[id] = true
		return nil
	}
	const syscallStop = unix.SIGTRAP | 0x80
	signal, event := status.StopSignal(), int(status>>16)
	switch {
	case signal == syscallStop:
		return t.syscall(id, th)
	case signal == unix.SIGTRAP && event == unix.PTRACE_EVENT_EXEC:
		return t.executed(id)
	case signal == unix.SIGTRAP && event != 0:
		return t.born(id, th)
	case signal == unix.SIGSTOP && th.fresh:
		th.fresh = false
		return t.resume(id, 0)
	}
	return t.resume(id, int(signal))
}

func (t *tracer) resume(id, signal int) error {
	if err := unix.PtraceSyscall(id, signal); err != nil {
		return fmt.Errorf("let process %d go on: %w", id, err)
	}
	return nil
}

func (t *tracer) ended(id int, status unix.WaitStatus) {
	delete(t.threads, id)
	delete(t.early, id)
	if id != t.main {
		return
	}
	t.recording.Exit = status.ExitStatus()
	if status.Signaled() {
		t.recording.Exit = 128 + int(status.Signal())
	}
}

// born books a new thread or process. Until its first mark it is where its
// maker is.
func (t *tracer) born(id int, maker *thread) error {
	message, err := unix.PtraceGetEventMsg(id)
	if err != nil {
		return fmt.Errorf("ask for new process: %w", err)
	}
	child := int(message)
	group := threadGroup(child)
	owner := maker.process
	if group != owner.pid {
		owner = &process{pid: group, place: place{step: owner.step, undo: owner.undo}}
	}
	t.threads[child] = &thread{process: owner, fresh: true}
	if t.early[child] {
		delete(t.early, child)
		t.threads[child].fresh = false
		if err := t.resume(child, 0); err != nil && !errors.Is(err, unix.ESRCH) {
			return err
		}
	}
	return t.resume(id, 0)
}

// executed: of all threads of a process one is left, and it has the number of
// the process.
func (t *tracer) executed(id int) error {
	message, err := unix.PtraceGetEventMsg(id)
	if err != nil {
		return fmt.Errorf("ask for thread that executed: %w", err)
	}
	former := t.threads[int(message)]
	for other, th := range t.threads {
		if former != nil && th.process == former.process && other != id {
			delete(t.threads, other)
		}
	}
	if former != nil {
		t.threads[id] = former
	}
	return t.resume(id, 0)
}
