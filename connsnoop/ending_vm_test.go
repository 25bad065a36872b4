//go:build vmtest && linux

package connsnoop_test

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// endingParts have a connection that does not end with one close at each side.
var endingParts = []part{
	{name: "reset-by-peer", play: playReset},
	{name: "unread-data", play: playUnread},
	{name: "reset-after-fin", play: playResetAfterFIN, slow: true},
	{name: "half-close", play: playHalfClose},
	{name: "dead-before-close", play: playDeadBeforeClose, slow: true},
	{name: "simultaneous-close", play: playSimultaneous},
	{name: "af-unspec", play: playUnspec},
	{name: "unaccepted", play: playUnaccepted, slow: true},
	{name: "kept-alive-timeout", play: playUserTimeout, root: true, slow: true},
	{name: "retransmits", play: playRetransmits, root: true, slow: true},
}

// playReset: the server sends a reset (SO_LINGER of 0), the client closes later.
func playReset(a *actor) error {
	client, server, err := a.pair("ipv4")
	if err != nil {
		return err
	}
	if err := errors.Join(a.exchange(client, server), server.reset(), client.awaitError()); err != nil {
		return err
	}
	client.Result = "reset"
	return client.close()
}

// playUnread: the client closes with data unread, which sends a reset.
func playUnread(a *actor) error {
	client, server, err := a.pair("ipv4")
	if err != nil {
		return err
	}
	n := 1 + a.random.IntN(3000)
	if err := errors.Join(a.exchange(client, server), server.send(n), client.awaitQueued(n)); err != nil {
		return err
	}
	client.Result, server.Result = "aborted", "reset"
	return errors.Join(client.close(), server.awaitError(), server.close())
}

// awaitQueued waits until n bytes wait to be read, and counts them.
func (e *end) awaitQueued(n int) error {
	return e.on.do(func() error {
		c := conn{fd: e.fd}
		err := c.awaitUnread(n)
		e.Rx += c.Rx
		return err
	})
}

// playResetAfterFIN: the client closes, and the server still sends: EPIPE. The
// client's socket had ended in order; what resets is what the kernel keeps of
// it for FIN_WAIT2.
func playResetAfterFIN(a *actor) error {
	client, server, err := a.pair("ipv4")
	if err != nil {
		return err
	}
	if err := errors.Join(a.exchange(client, server), client.close(), server.receiveEnd(), server.send(1)); err != nil {
		return err
	}
	server.Result = "reset"
	return errors.Join(server.awaitError(), server.close())
}

// playHalfClose: the client stops sending first and reads what then comes.
func playHalfClose(a *actor) error {
	client, server, err := a.pair("ipv4")
	if err != nil {
		return err
	}
	n := 1 + a.random.IntN(50_000)
	return errors.Join(a.exchange(client, server), client.shutdown(), server.receiveEnd(),
		server.send(n), client.receive(n), client.close(), server.close())
}

// playDeadBeforeClose: both directions have ended while the client still has
// its descriptor.
func playDeadBeforeClose(a *actor) error {
	client, server, err := a.pair("ipv4")
	if err != nil {
		return err
	}
	return errors.Join(a.exchange(client, server), client.shutdown(), server.receiveEnd(), server.close(),
		client.receiveEnd(), client.awaitState(tcpClose), client.close())
}

// awaitState waits until the socket is in a state.
func (e *end) awaitState(state uint8) error {
	return e.on.do(func() error { return awaitInfo(e.fd, func(i *unix.TCPInfo) bool { return i.State == state }) })
}

func awaitInfo(fd int, good func(*unix.TCPInfo) bool) error {
	for until := monotonic() + patience.Nanoseconds(); monotonic() < until; {
		i, err := info(fd)
		if err != nil || good(i) {
			return err
		}
		nap()
	}
	return errors.New("socket does not get into the state that was waited for")
}

// playSimultaneous: both sides send FIN before they see the other's.
func playSimultaneous(a *actor) error {
	client, server, err := a.pair("ipv4")
	if err != nil {
		return err
	}
	if err := a.exchange(client, server); err != nil {
		return err
	}
	closed := make(chan error)
	go func() { closed <- client.close() }()
	err = errors.Join(server.close(), <-closed)
	client.State, server.State = "", "" // whoever is first
	return err
}

// playUnspec dissolves a connection by connecting to AF_UNSPEC, and uses the
// socket again: close is never called for the first.
func playUnspec(a *actor) error {
	l, err := a.listen("ipv4")
	if err != nil {
		return err
	}
	first, err := l.dial()
	if err != nil {
		return err
	}
	server, err := l.accept()
	if err != nil {
		return err
	}
	if err := errors.Join(a.exchange(first, server), first.dissolve(), server.awaitError(), server.close()); err != nil {
		return err
	}
	server.Result = "reset"
	again := &end{fd: first.fd, on: first.on, network: "ipv4", truth: first.truth}
	again.Label, again.Result, again.Tx, again.Rx, again.Closed = "again", "ok", 0, 0, span{}
	a.add(again)
	if err := again.connect(); err != nil {
		return err
	}
	second, err := l.accept()
	if err != nil {
		return err
	}
	second.Label = "second server"
	return errors.Join(a.exchange(again, second), again.close(), second.receiveEnd(), second.close(), l.close())
}

func (e *end) dissolve() error {
	e.Result, e.State = "aborted", "CLOSE"
	return e.on.do(func() error {
		e.Closed.From = monotonic()
		defer func() { e.Closed.Until = monotonic() }()
		unspec := unix.RawSockaddrInet4{Family: unix.AF_UNSPEC}
		return connectRaw(e.fd, &unspec)
	})
}

// playUnaccepted leaves a connection, with data, in a listener's queue.
func playUnaccepted(a *actor) error {
	l, err := a.listen("ipv4")
	if err != nil {
		return err
	}
	client, err := l.dial()
	if err != nil {
		return err
	}
	return errors.Join(client.send(100), l.hush(client))
}

// playUserTimeout: nobody acknowledges, and TCP gives up.
func playUserTimeout(a *actor) error {
	client, server, err := a.pair("ipv4")
	if err != nil {
		return err
	}
	if err := a.exchange(client, server); err != nil {
		return err
	}
	if err := unix.SetsockoptInt(client.fd, unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, 300); err != nil {
		return fmt.Errorf("set timeout: %w", err)
	}
	if err := errors.Join(linkUp("lo", false), client.send(10), client.awaitError()); err != nil {
		return err
	}
	client.Result, server.Result = "timeout", "aborted"
	return errors.Join(client.close(), linkUp("lo", true), server.reset())
}

// playRetransmits: the network is away for a while.
func playRetransmits(a *actor) error {
	client, server, err := a.pair("ipv4")
	if err != nil {
		return err
	}
	if err := errors.Join(a.exchange(client, server), linkUp("lo", false), client.send(1000)); err != nil {
		return err
	}
	again := func(i *unix.TCPInfo) bool { return i.Total_retrans > 0 }
	if err := errors.Join(awaitInfo(client.fd, again), linkUp("lo", true)); err != nil {
		return err
	}
	return errors.Join(server.receive(1000), client.close(), server.receiveEnd(), server.close())
}
