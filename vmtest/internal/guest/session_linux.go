package guest

import (
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	"namespaces-cgroups-ebpf/vmtest/internal/wire"
)

const (
	heartbeatInterval = time.Second
	// ackWait bounds the wait for the host's Ack of Done: powering off at once
	// would lose frames that the emulator has not yet passed on.
	ackWait = 3 * time.Second
	// stopWait bounds how long killed commands may take to be reported.
	stopWait = 5 * time.Second
)

// platform is the machine that a session commands.
type platform interface {
	// Hello describes the machine.
	Hello() (wire.Hello, error)
	// Resume prepares it for work.
	Resume(wire.Resume) (wire.Ready, error)
	// AdvanceClock moves the wall clock.
	AdvanceClock(time.Duration) error
	// Log opens the kernel log; emit gets its records.
	Log(emit func(wire.Kmsg) error) (kernelLog, error)
	// Start runs a command's program and returns its pid.
	Start(path string, argv []string, attr *syscall.ProcAttr) (int, error)
	// Sweep kills what is left of a command's session, or every process when no
	// other command runs, and names what it killed.
	Sweep(session int, alone bool) []string
	// Inventory counts what outlives processes.
	Inventory() inventory
	// Retire leaves the disks clean.
	Retire()
}

// kernelLog is what a session needs of [kmsgReader].
type kernelLog interface {
	follow() error
	drain() error
}

// session carries out one host's wishes over one connection.
type session struct {
	platform platform
	reaper   *reaper
	enc      *wire.Encoder
	dec      *wire.Decoder
	log      kernelLog
	frames   chan wire.Frame
	failed   chan error
	uploads  map[uint32]*upload

	mu       sync.Mutex
	commands map[uint32]*command
	starts   int // commands that were ever begun
	exits    int
}

func newSession(conn io.ReadWriter, p platform, r *reaper) *session {
	return &session{
		platform: p, reaper: r,
		enc: wire.NewEncoder(conn), dec: wire.NewDecoder(conn),
		frames: make(chan wire.Frame), failed: make(chan error, 1),
		uploads: map[uint32]*upload{}, commands: map[uint32]*command{},
	}
}

// serve runs the session to its end: nil after an orderly shutdown.
func (s *session) serve() error {
	if err := s.open(); err != nil {
		return err
	}
	s.spawn("heartbeat", s.heartbeat)
	s.spawn("kernel log", s.log.follow)
	s.spawn("reader", s.read)
	for {
		select {
		case err := <-s.failed:
			return err
		case frame := <-s.frames:
			if frame.Type == wire.TypeShutdown {
				return s.shutdown()
			}
			if err := s.handle(frame); err != nil {
				return fmt.Errorf("handle %s frame: %w", frame.Type, err)
			}
		}
	}
}

// open does the part before the first command. Between Hello and Resume the
// guest says nothing at all: see package wire.
func (s *session) open() error {
	hello, err := s.platform.Hello()
	if err != nil {
		return err
	}
	if err := s.enc.EncodeJSON(wire.TypeHello, 0, hello); err != nil {
		return err
	}
	frame, err := s.dec.Decode()
	if err != nil {
		return fmt.Errorf("read resume: %w", err)
	}
	if frame.Type != wire.TypeResume {
		return fmt.Errorf("read resume: got %s frame", frame.Type)
	}
	var resume wire.Resume
	if err := frame.JSON(&resume); err != nil {
		return err
	}
	ready, err := s.platform.Resume(resume)
	if err != nil {
		return err
	}
	s.log, err = s.platform.Log(func(k wire.Kmsg) error { return s.enc.EncodeJSON(wire.TypeKmsg, 0, k) })
	if err != nil {
		return err
	}
	// What was logged up to here belongs to no command: it goes before Ready.
	if err := s.log.drain(); err != nil {
		return err
	}
	ready.TimeUnixNS = time.Now().UnixNano()
	return s.enc.EncodeJSON(wire.TypeReady, 0, ready)
}

// spawn runs work in the background. An error or a panic of it ends the
// session; process 1 itself must survive to power off.
func (s *session) spawn(name string, work func() error) {
	go func() {
		defer func() {
			if r := recover(); r != nil {
				s.fail(fmt.Errorf("%s: panic: %v\n%s", name, r, debug.Stack()))
			}
		}()
		if err := work(); err != nil && !errors.Is(err, wire.ErrClosed) {
			s.fail(fmt.Errorf("%s: %w", name, err))
		}
	}()
}

// fail keeps the first error: the later ones are its consequences.
func (s *session) fail(err error) {
	select {
	case s.failed <- err:
	default:
	}
}

func (s *session) read() error {
	for {
		frame, err := s.dec.Decode()
		if err != nil {
			return err
		}
		s.frames <- frame
	}
}

func (s *session) heartbeat() error {
	for range time.Tick(heartbeatInterval) {
		beat := wire.Heartbeat{UptimeNS: uptimeNS(), Running: s.running()}
		if err := s.enc.EncodeJSON(wire.TypeHeartbeat, 0, beat); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) running() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.commands)
}

// shutdown ends all commands, says Done and waits until the host has it.
func (s *session) shutdown() error {
	s.mu.Lock()
	s.platform.Sweep(0, true)
	s.mu.Unlock()
	for deadline := time.Now().Add(stopWait); s.running() > 0 && time.Now().Before(deadline); {
		time.Sleep(pollInterval)
	}
	s.platform.Retire()
	if err := s.log.drain(); err != nil {
		return err
	}
	if err := s.enc.EncodeDone(wire.Done{Runs: s.exits}); err != nil {
		return err
	}
	timeout := time.After(ackWait)
	for {
		select {
		case <-timeout:
			return nil
		case <-s.failed: //nolint:errcheck // Done is out: how the channel ends no longer matters
			return nil
		case frame := <-s.frames:
			if frame.Type == wire.TypeAck && frame.ID == 0 {
				return nil
			}
		}
	}
}
