//go:build vmtest && linux

package connsnoop_test

import (
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

// failureParts never get a connection.
var failureParts = []part{
	{name: "refused-blocking", play: playRefused("ipv4", false)},
	{name: "refused-ipv6", play: playRefused("ipv6", false), slow: true},
	{name: "refused-mapped", play: playRefused("mapped", false), slow: true},
	{name: "refused-nonblocking", play: playRefused("ipv4", true)},
	{name: "refused-then-connected", play: playRetry, slow: true},
	{name: "timeout-blocking", play: playTimeout(false)},
	{name: "timeout-nonblocking", play: playTimeout(true), slow: true},
	{name: "abandoned", play: playAbandoned},
	{name: "network-unreachable", play: playUnreachable("192.0.2.1", unix.ENETUNREACH, "unreachable")},
	{name: "network-unreachable-ipv6", play: playUnreachable("2001:db8::1", unix.ENETUNREACH, "unreachable"), slow: true},
	{name: "address-not-available", play: playNoAddress, slow: true},
}

func (l *listener) address() netip.AddrPort {
	return netip.AddrPortFrom(loopback[l.network].Unmap(), l.port)
}

// nowhere is an address that nobody has.
func (a *actor) nowhere() netip.AddrPort { return netip.MustParseAddrPort("192.0.2.1:9") }

// bind gives the socket any free port.
func (e *end) bind() error {
	return e.on.do(func() error {
		var any unix.Sockaddr = &unix.SockaddrInet6{}
		if e.network == "ipv4" {
			any = &unix.SockaddrInet4{}
		}
		if err := unix.Bind(e.fd, any); err != nil {
			return fmt.Errorf("bind: %w", err)
		}
		return e.name(e.fd)
	})
}

// fails says what the truth of a connect is that got errno.
func (e *end) fails(got error, want unix.Errno, result string) error {
	if !errors.Is(got, want) {
		return fmt.Errorf("connect: got %v, want %v", got, want)
	}
	e.Kind, e.Result, e.Errno, e.State = "failed", result, int(want), "SYN_SENT"
	return nil
}

// taken is an address whose port is bound, but where nobody listens.
func (a *actor) taken(network string) (netip.AddrPort, error) {
	fd, err := newSocket(network)
	if err != nil {
		return netip.AddrPort{}, err
	}
	if err := unix.Bind(fd, sockaddr(network, 0)); err != nil {
		return netip.AddrPort{}, fmt.Errorf("bind: %w", err)
	}
	bound, err := unix.Getsockname(fd) // stays open until the actor ends
	return addrPort(bound), err
}

// playRefused connects a bound socket, so that its port is known, to where
// nobody listens.
func playRefused(network string, nonblocking bool) func(*actor) error {
	return func(a *actor) error {
		remote, err := a.taken(network)
		if err != nil {
			return err
		}
		e, err := a.socket(network, remote)
		if err != nil {
			return err
		}
		if err := errors.Join(e.bind(), unix.SetNonblock(e.fd, nonblocking)); err != nil {
			return err
		}
		e.Local = netip.AddrPortFrom(loopback[network].Unmap(), e.Local.Port())
		err = e.awaitConnect(e.connect())
		return errors.Join(e.fails(err, unix.ECONNREFUSED, "refused"), e.closeFailed())
	}
}

// awaitConnect waits for a non-blocking connect's result.
func (e *end) awaitConnect(err error) error {
	if !errors.Is(err, unix.EINPROGRESS) {
		e.Closed = e.Opened
		return err
	}
	polls := []unix.PollFd{{Fd: int32(e.fd), Events: unix.POLLOUT}}
	if err := pollAll(polls); err != nil {
		return err
	}
	// The kernel shows the error before it changes the state. Who takes it in
	// between leaves none for the record: docs/records.md.
	decided := func(i *unix.TCPInfo) bool { return i.State != unix.BPF_TCP_SYN_SENT }
	if err := awaitInfo(e.fd, decided); err != nil {
		return err
	}
	e.Closed = span{e.Opened.From, monotonic()}
	errno, err := unix.GetsockoptInt(e.fd, unix.SOL_SOCKET, unix.SO_ERROR)
	return errors.Join(err, unix.Errno(errno))
}

// closeFailed closes the socket of a connection that has ended long ago.
func (e *end) closeFailed() error {
	return e.on.do(func() error { return unix.Close(e.fd) })
}

// playRetry uses the socket of a failed connect again.
func playRetry(a *actor) error {
	remote, err := a.taken("ipv4")
	if err != nil {
		return err
	}
	first, err := a.socket("ipv4", remote)
	if err != nil {
		return err
	}
	first.Label = "refused"
	if err := first.fails(first.awaitConnect(first.connect()), unix.ECONNREFUSED, "refused"); err != nil {
		return err
	}
	l, err := a.listen("ipv4")
	if err != nil {
		return err
	}
	again := &end{fd: first.fd, on: first.on, network: "ipv4", truth: first.truth}
	again.Label, again.Kind, again.Result, again.Errno = "client", "close", "ok", 0
	again.Remote, again.Closed = l.address(), span{}
	a.add(again)
	if err := again.connect(); err != nil {
		return err
	}
	server, err := l.accept()
	if err != nil {
		return err
	}
	return errors.Join(a.exchange(again, server), again.close(), server.receiveEnd(), server.close(), l.close())
}

// deaf is a listener whose queue is full: it drops each further SYN. The one
// connection in its queue is never accepted; its client's end is reset when
// the listener is closed.
func (a *actor) deaf() (l *listener, queued *end, err error) {
	l = &listener{network: "ipv4", a: a}
	if l.fd, err = newSocket("ipv4"); err != nil {
		return nil, nil, err
	}
	if err := l.start(0); err != nil {
		return nil, nil, err
	}
	if queued, err = l.dial(); err != nil {
		return nil, nil, err
	}
	queued.Label = "queued"
	return l, queued, nil
}

// hush closes a deaf listener, and the client in its queue.
func (l *listener) hush(queued *end) error {
	if err := l.close(); err != nil {
		return err
	}
	queued.Result = "reset"
	return errors.Join(queued.awaitError(), queued.closeFailed())
}

func playTimeout(nonblocking bool) func(*actor) error {
	return func(a *actor) error {
		l, queued, err := a.deaf()
		if err != nil {
			return err
		}
		e, err := a.socket("ipv4", l.address())
		if err != nil {
			return err
		}
		if err := errors.Join(e.bind(), e.giveUpSoon(), unix.SetNonblock(e.fd, nonblocking)); err != nil {
			return err
		}
		e.Local = netip.AddrPortFrom(loopback["ipv4"], e.Local.Port())
		err = e.awaitConnect(e.connect())
		e.Retransmits = 1
		return errors.Join(e.fails(err, unix.ETIMEDOUT, "timeout"), e.closeFailed(), l.hush(queued))
	}
}

// giveUpSoon makes the kernel send the SYN once again, and no more.
func (e *end) giveUpSoon() error {
	return errors.Join(
		unix.SetsockoptInt(e.fd, unix.IPPROTO_TCP, unix.TCP_SYNCNT, 1),
		unix.SetsockoptInt(e.fd, unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, 1000))
}

// playAbandoned closes a socket whose SYN nobody has answered.
func playAbandoned(a *actor) error {
	l, queued, err := a.deaf()
	if err != nil {
		return err
	}
	e, err := a.socket("ipv4", l.address())
	if err != nil {
		return err
	}
	if err := errors.Join(e.bind(), unix.SetNonblock(e.fd, true)); err != nil {
		return err
	}
	e.Local = netip.AddrPortFrom(loopback["ipv4"], e.Local.Port())
	if err := e.connect(); !errors.Is(err, unix.EINPROGRESS) {
		return fmt.Errorf("connect: got %v, want EINPROGRESS", err)
	}
	e.Kind, e.Result = "failed", "aborted"
	return errors.Join(e.close(), l.hush(queued))
}

// playUnreachable connects to where no route leads.
func playUnreachable(address string, errno unix.Errno, result string) func(*actor) error {
	return func(a *actor) error {
		remote := netip.AddrPortFrom(netip.MustParseAddr(address), 4444)
		network := "ipv4"
		if remote.Addr().Is6() {
			network = "ipv6"
		}
		e, err := a.socket(network, remote)
		if err != nil {
			return err
		}
		err = e.awaitConnect(e.connect())
		return errors.Join(e.fails(err, errno, result), e.closeFailed())
	}
}

// playNoAddress connects two sockets with the same two ends.
func playNoAddress(a *actor) error {
	l, err := a.listen("ipv4")
	if err != nil {
		return err
	}
	first, err := a.socket("ipv4", l.address())
	if err != nil {
		return err
	}
	if err := errors.Join(first.bindTo(0), first.connect()); err != nil {
		return err
	}
	server, err := l.accept()
	if err != nil {
		return err
	}
	second, err := a.socket("ipv4", l.address())
	if err != nil {
		return err
	}
	second.Label = "second"
	if err := second.bindTo(first.Local.Port()); err != nil {
		return err
	}
	err = second.awaitConnect(second.connect())
	return errors.Join(second.fails(err, unix.EADDRNOTAVAIL, "error"), second.closeFailed(),
		a.exchange(first, server), first.close(), server.receiveEnd(), server.close(), l.close())
}

// bindTo binds to a port that others may bind to, too.
func (e *end) bindTo(port uint16) error {
	err := errors.Join(unix.SetsockoptInt(e.fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1),
		unix.Bind(e.fd, sockaddr("ipv4", port)))
	if err != nil {
		return fmt.Errorf("bind: %w", err)
	}
	return e.name(e.fd)
}
