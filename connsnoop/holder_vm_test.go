//go:build vmtest && linux

package connsnoop_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	"golang.org/x/sys/unix"
)

func nap() { time.Sleep(2 * time.Millisecond) }

// holderParts have sockets that who opened them does not close.
var holderParts = []part{
	{name: "exit-without-close", play: playExit},
	{name: "killed", play: playKilled, slow: true},
	{name: "fork", play: playFork},
	{name: "scm-rights", play: playRights},
	{name: "dup", play: playDup, slow: true},
	{name: "close-range", play: playCloseRange, slow: true},
	{name: "seeded", play: playSeeded, early: true},
	{name: "accept-blocked-before", play: playBlockedBefore, early: true, slow: true},
}

// extraEnv names the part of a helper process: what it does with the
// sockets that it gets.
const extraEnv = "CONNSNOOP_EXTRA"

// helperFD is the first descriptor that a helper inherits.
const helperFD = 3

// helper is a further process of an actor, with a socket of the actor's.
type helper struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
	out   *json.Decoder
	who   who
}

// startHelper starts a process that holds fd, and then has done what only it
// can do: say who it is.
func (a *actor) startHelper(role string, fd int) (*helper, error) {
	h := &helper{cmd: exec.Command("/proc/self/exe")}
	h.cmd.Env = []string{extraEnv + "=" + role}
	h.cmd.Stderr = os.Stderr
	// a duplicate, which os.File may close
	inherited, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("duplicate socket: %w", err)
	}
	file := os.NewFile(uintptr(inherited), "socket")
	defer file.Close()
	h.cmd.ExtraFiles = []*os.File{file}
	if h.stdin, err = h.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	stdout, err := h.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := h.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start helper: %w", err)
	}
	h.out = json.NewDecoder(stdout)
	return h, h.out.Decode(&h.who)
}

// end lets the helper do its part, and waits for its exit.
func (h *helper) end() error { return errors.Join(h.stdin.Close(), h.cmd.Wait()) }

// runHelper is main of a helper.
func runHelper(role string) error {
	if err := os.WriteFile("/proc/self/comm", []byte("helper"), 0); err != nil {
		return err
	}
	fd := helperFD
	if role == "receiver" {
		var err error
		if fd, err = receiveFD(fd); err != nil {
			return err
		}
	}
	me, err := whoAmI()
	if err != nil {
		return err
	}
	if err := json.NewEncoder(os.Stdout).Encode(me); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return err
	}
	switch role {
	case "exit": // the kernel closes
		return nil
	default:
		return unix.Close(fd)
	}
}

// receiveFD takes a descriptor out of a message.
func receiveFD(channel int) (int, error) {
	control := make([]byte, unix.CmsgSpace(4))
	_, n, _, _, err := unix.Recvmsg(channel, make([]byte, 1), control, 0)
	if err != nil {
		return -1, fmt.Errorf("receive message: %w", err)
	}
	messages, err := unix.ParseSocketControlMessage(control[:n])
	if err != nil || len(messages) != 1 {
		return -1, fmt.Errorf("%d control messages: %w", len(messages), err)
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 1 {
		return -1, fmt.Errorf("%d descriptors: %w", len(fds), err)
	}
	return fds[0], nil
}

// handOver gives the client's socket to a helper, and lets that close it.
func (a *actor) handOver(role string, give func(client *end) (*helper, error)) error {
	client, server, err := a.pair("ipv4")
	if err != nil {
		return err
	}
	if err := a.exchange(client, server); err != nil {
		return err
	}
	h, err := give(client)
	if err != nil {
		return err
	}
	if err := errors.Join(client.beginClosing(), unix.Close(client.fd)); err != nil {
		return err
	}
	client.Closer = h.who
	if role != "close" && role != "receiver" { // whichever thread exits last
		client.Closer.TID = 0
	}
	if role == "killed" {
		_ = h.cmd.Process.Kill()
		_ = h.cmd.Wait()
	} else if err := h.end(); err != nil {
		return err
	}
	return errors.Join(server.receiveEnd(), server.close())
}

// playFork: a child has inherited the socket, and closes it last.
func playFork(a *actor) error {
	return a.handOver("close", func(c *end) (*helper, error) { return a.startHelper("close", c.fd) })
}

// playExit: the last holder exits and leaves the closing to the kernel.
func playExit(a *actor) error {
	return a.handOver("exit", func(c *end) (*helper, error) { return a.startHelper("exit", c.fd) })
}

// playKilled: the last holder dies of a signal.
func playKilled(a *actor) error {
	return a.handOver("killed", func(c *end) (*helper, error) { return a.startHelper("exit", c.fd) })
}

// playRights: the socket goes to another process in a message.
func playRights(a *actor) error {
	return a.handOver("receiver", func(c *end) (*helper, error) {
		pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return nil, err
		}
		defer unix.Close(pair[0])
		defer unix.Close(pair[1])
		if err := unix.Sendmsg(pair[0], []byte("."), unix.UnixRights(c.fd), nil, 0); err != nil {
			return nil, fmt.Errorf("send descriptor: %w", err)
		}
		return a.startHelper("receiver", pair[1])
	})
}

// playDup: the first close of a duplicated descriptor ends nothing.
func playDup(a *actor) error {
	client, server, err := a.pair("ipv4")
	if err != nil {
		return err
	}
	fd := client.fd
	if client.fd, err = unix.Dup(fd); err != nil {
		return err
	}
	return errors.Join(unix.Close(fd), a.exchange(client, server),
		client.close(), server.receiveEnd(), server.close())
}

// playCloseRange: close_range closes many at once.
func playCloseRange(a *actor) error {
	client, server, err := a.pair("ipv4")
	if err != nil {
		return err
	}
	if err := a.exchange(client, server); err != nil {
		return err
	}
	err = client.on.do(func() error {
		const high = 500 // nothing else is there
		if err := errors.Join(unix.Dup3(client.fd, high, unix.O_CLOEXEC), unix.Close(client.fd)); err != nil {
			return err
		}
		client.fd = high
		if err := client.beginClosing(); err != nil {
			return err
		}
		defer func() { client.Closed.Until = monotonic() }()
		return unix.CloseRange(high, high+10, 0)
	})
	return errors.Join(err, server.receiveEnd(), server.close())
}

// playSeeded: the connection is there before the tracers.
func playSeeded(a *actor) error {
	client, server, err := a.pair("ipv4")
	if err != nil {
		return err
	}
	if err := errors.Join(a.exchange(client, server), a.pause()); err != nil {
		return err
	}
	for _, e := range []*end{client, server} {
		e.seed()
	}
	return errors.Join(a.exchange(client, server), client.close(), server.receiveEnd(), server.close())
}

// seed says that the tracers have found it open.
func (e *end) seed() {
	e.Seeded, e.PIDSource = true, "iter"
	e.Opened, e.Established = span{}, span{}
	e.Opener.TID = e.Opener.PID
}

// playBlockedBefore: accept was entered before the tracers came.
func playBlockedBefore(a *actor) error {
	l, err := a.listen("ipv4")
	if err != nil {
		return err
	}
	accepted := make(chan error)
	var server *end
	go func() {
		var err error
		server, err = l.accept()
		accepted <- err
	}()
	if err := errors.Join(a.awaitAccepting(1), a.pause()); err != nil {
		return err
	}
	client, err := l.dial()
	if err != nil {
		return err
	}
	if err := <-accepted; err != nil {
		return err
	}
	server.PIDSource, server.Opened, server.Established = "close", span{}, span{}
	return errors.Join(a.exchange(client, server), client.close(), server.receiveEnd(), server.close(), l.close())
}
