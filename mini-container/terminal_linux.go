package minicontainer

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"namespaces-cgroups-ebpf/internal/exitcode"
)

// A container with a terminal gets one of its own: both ends come from its
// own devpts, the slave becomes its three streams, and the master goes to the
// supervisor over a socket. The caller's terminal never gets in, so nothing
// inside can type into it (CVE-2017-5226).

// terminal is the supervisor's side.
type terminal struct {
	outer, inner *os.File // the two ends of the socket
	master       *os.File
	saved        *term.State   // of the caller's terminal; nil if there is none
	drained      chan struct{} // closed when all output is through
}

func (s *supervisor) hasTerminal() bool { return s.Spec.Process.Terminal }

// openSocket makes what the child sends the master over. Its end takes the
// place of standard input, which the slave takes later.
func (s *supervisor) openSocket() error {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return exitcode.With(exitcode.Harness, fmt.Errorf("create socket: %w", err))
	}
	s.terminal = &terminal{outer: os.NewFile(uintptr(pair[0]), "terminal"), inner: os.NewFile(uintptr(pair[1]), "terminal")}
	return nil
}

// streams are the child's first three files.
func (s *supervisor) streams() []*os.File {
	if s.terminal != nil {
		return []*os.File{s.terminal.inner, nil, nil}
	}
	return []*os.File{s.Stdin, s.Stdout, s.Stderr}
}

// attach connects the caller's streams with the container's terminal. The
// child has sent the master before it said that it is ready.
func (s *supervisor) attach() error {
	t := s.terminal
	var err error
	if t.master, err = receiveFile(int(t.outer.Fd())); err != nil {
		return exitcode.With(exitcode.Harness, fmt.Errorf("receive terminal: %w", err))
	}
	if s.Stdin != nil && term.IsTerminal(int(s.Stdin.Fd())) {
		if s.Spec.Process.ConsoleSize == nil {
			s.resize()
		}
		if t.saved, err = term.MakeRaw(int(s.Stdin.Fd())); err != nil {
			return exitcode.With(exitcode.Harness, fmt.Errorf("set terminal raw: %w", err))
		}
	}
	t.drained = make(chan struct{})
	go func() {
		defer close(t.drained)
		if s.Stdout != nil {
			t.copyOut(s.Stdout, !s.Extra.Join)
		} else {
			t.copyOut(io.Discard, !s.Extra.Join)
		}
	}()
	if s.Stdin != nil {
		go func() { _, _ = io.Copy(t.master, s.Stdin) }() // it may read until our end
	}
	return nil
}

// patience is how long output is waited for when the command has ended.
const patience = time.Second

// copyOut ends with EIO when nobody has the slave any more, or at the deadline
// that detachTerminal sets, for after exec there may be processes that live on.
// With all of them dead more than the deadline must pass in silence: whoever
// reads what we write may be slow.
func (t *terminal) copyOut(w io.Writer, allDead bool) {
	_, err := io.Copy(w, t.master)
	for n := int64(1); allDead && n > 0 && errors.Is(err, os.ErrDeadlineExceeded); {
		_ = t.master.SetReadDeadline(time.Now().Add(patience))
		n, err = io.Copy(w, t.master)
	}
}

// detachTerminal gives the caller's terminal back as it was, however far the
// run got.
func (s *supervisor) detachTerminal() error {
	t := s.terminal
	if t == nil {
		return nil
	}
	t.outer.Close()
	t.inner.Close()
	if t.drained != nil {
		_ = t.master.SetReadDeadline(time.Now().Add(patience))
		<-t.drained
	}
	if t.master != nil {
		t.master.Close()
	}
	if t.saved == nil {
		return nil
	}
	if err := term.Restore(int(s.Stdin.Fd()), t.saved); err != nil {
		return fmt.Errorf("restore terminal: %w", err)
	}
	return nil
}

// resize gives the container's terminal the size of the caller's.
func (s *supervisor) resize() bool {
	if s.terminal == nil || s.terminal.master == nil || s.Stdin == nil {
		return false
	}
	size, err := unix.IoctlGetWinsize(int(s.Stdin.Fd()), unix.TIOCGWINSZ)
	if err == nil {
		err = control(s.terminal.master, func(fd int) error { return unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, size) })
	}
	return err == nil
}

// control runs a call on a file's descriptor. Fd would make the file block,
// and then no deadline would end a read.
func control(f *os.File, call func(fd int) error) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var callErr error
	err = raw.Control(func(fd uintptr) { callErr = call(int(fd)) })
	return errors.Join(err, callErr)
}

func receiveFile(socket int) (*os.File, error) {
	data, rights := make([]byte, 1), make([]byte, unix.CmsgSpace(4))
	_, n, _, _, err := unix.Recvmsg(socket, data, rights, unix.MSG_CMSG_CLOEXEC|unix.MSG_DONTWAIT)
	if err != nil {
		return nil, err
	}
	messages, err := unix.ParseSocketControlMessage(rights[:n])
	if err != nil {
		return nil, err
	}
	if len(messages) != 1 {
		return nil, errors.New("no descriptor came")
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil {
		return nil, err
	}
	if err := unix.SetNonblock(fds[0], true); err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fds[0]), "terminal"), nil
}
