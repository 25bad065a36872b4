package guest

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"namespaces-cgroups-ebpf/vmtest/internal/wire"
)

// handle carries out one frame of the host. It must not block on a command:
// an error means that the host broke the protocol.
func (s *session) handle(f wire.Frame) error {
	switch f.Type {
	case wire.TypeRun:
		return s.startCommand(f)
	case wire.TypeStdin:
		return s.withCommand(f.ID, func(c *command) error { return c.input.add(f.Payload) })
	case wire.TypeStdinClose:
		return s.withCommand(f.ID, func(c *command) error { c.input.end(); return nil })
	case wire.TypeSignal:
		var signal wire.Signal
		if err := f.JSON(&signal); err != nil {
			return err
		}
		return s.withCommand(f.ID, func(c *command) error { c.signal(signal); return nil })
	case wire.TypeWinsize:
		var size wire.Winsize
		if err := f.JSON(&size); err != nil {
			return err
		}
		return s.withCommand(f.ID, func(c *command) error { c.resize(size); return nil })
	case wire.TypeClock:
		var clock wire.Clock
		if err := f.JSON(&clock); err != nil {
			return err
		}
		return s.platform.AdvanceClock(time.Duration(clock.AdvanceNS))
	case wire.TypeGet:
		return s.startGet(f)
	case wire.TypePut, wire.TypeData, wire.TypeDataEnd:
		return s.handleUpload(f)
	}
	return fmt.Errorf("not expected from the host here")
}

// withCommand finds the command of a frame. One that has ended is no error:
// the host's frame and our Exit may have crossed.
func (s *session) withCommand(id uint32, do func(*command) error) error {
	s.mu.Lock()
	c := s.commands[id]
	s.mu.Unlock()
	if c == nil {
		return nil
	}
	return do(c)
}

func (s *session) startCommand(f wire.Frame) error {
	var run wire.Run
	if err := f.JSON(&run); err != nil {
		return err
	}
	if f.ID == 0 || len(run.Argv) == 0 {
		return fmt.Errorf("a run needs an id and an argv")
	}
	c := newCommand(s, f.ID, run)
	s.mu.Lock()
	_, taken := s.commands[f.ID]
	if !taken {
		s.commands[f.ID] = c
		s.starts++
	}
	s.mu.Unlock()
	if taken {
		return fmt.Errorf("id %d is in use", f.ID)
	}
	s.spawn(fmt.Sprintf("command %d", f.ID), c.supervise)
	return nil
}

// sweep kills what a finished command left. The lock keeps new commands out,
// so that "alone" stays true while everything is killed.
func (s *session) sweep(pid int) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.platform.Sweep(pid, len(s.commands) == 1)
}

// inventory is what is there before the n-th command. Beside another one
// nobody can tell what is whose.
func (s *session) inventory() (before inventory, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.commands) > 1 {
		return nil, 0
	}
	return s.platform.Inventory(), s.starts
}

// leftBehind is what the n-th command has left, if no other one ran meanwhile.
func (s *session) leftBehind(before inventory, n int) []string {
	if n == 0 {
		return nil
	}
	left := leftBehind(s.platform, before)
	s.mu.Lock()
	defer s.mu.Unlock()
	if n != s.starts {
		return nil
	}
	return left
}

// report sends the command's last frame; kernel lines it caused come first.
func (s *session) report(id uint32, exit wire.Exit) error {
	if err := s.log.drain(); err != nil {
		return err
	}
	err := s.enc.EncodeJSON(wire.TypeExit, id, exit)
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.commands, id)
	s.exits++
	return err
}

// startGet answers a Get in the background: writing it out may take as long as
// the host takes to read.
func (s *session) startGet(f wire.Frame) error {
	var get wire.Get
	if err := f.JSON(&get); err != nil {
		return err
	}
	s.spawn(fmt.Sprintf("get %d", f.ID), func() error {
		end, err := archive(s.enc.Stream(wire.TypeData, f.ID), get)
		if err != nil {
			missing := errors.Is(err, errMissing)
			return s.enc.EncodeJSON(wire.TypeError, f.ID, wire.Error{Message: err.Error(), Missing: missing})
		}
		return s.enc.EncodeJSON(wire.TypeDataEnd, f.ID, end)
	})
	return nil
}

// handleUpload writes a Put in line: regular files do not block for long.
func (s *session) handleUpload(f wire.Frame) error {
	if f.Type == wire.TypePut {
		var put wire.Put
		if err := f.JSON(&put); err != nil {
			return err
		}
		if s.uploads[f.ID] != nil {
			return fmt.Errorf("id %d is in use", f.ID)
		}
		s.uploads[f.ID] = newUpload(put)
		return nil
	}
	u := s.uploads[f.ID]
	if u == nil {
		return fmt.Errorf("no put with id %d", f.ID)
	}
	if f.Type == wire.TypeData {
		u.write(f.Payload)
		return nil
	}
	delete(s.uploads, f.ID)
	size, err := u.finish()
	if err != nil {
		return s.enc.EncodeJSON(wire.TypeError, f.ID, wire.Error{Message: err.Error()})
	}
	return s.enc.EncodeJSON(wire.TypeAck, f.ID, wire.Ack{SizeBytes: size})
}

// resize sets the terminal's size; without a terminal there is nothing to do.
func (c *command) resize(size wire.Winsize) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.size = &size
	if c.terminal != nil {
		_ = setWinsize(c.terminal, size)
	}
}

// signal delivers now, or at the start for a command that is still preparing.
func (c *command) signal(signal wire.Signal) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pid == 0 {
		c.pending = &signal
		return
	}
	_ = c.session.reaper.signal(c.pid, signal.Group, unix.Signal(signal.Num))
}
