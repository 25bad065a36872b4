//go:build vmtest && linux

package connsnoop_test

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// end is a socket that keeps its truth. Its calls run on one thread.
type end struct {
	truth
	fd      int
	on      *thread
	network string
}

// endings that are longer than this hang.
const patience = 2 * time.Minute

func (a *actor) add(e *end) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.ends = append(a.ends, e)
}

// listener is a listening socket.
type listener struct {
	fd      int
	network string
	port    uint16
	a       *actor
}

// listen opens a listener on the loopback address of network.
func (a *actor) listen(network string, options ...func(fd int) error) (*listener, error) {
	l := &listener{network: network, a: a}
	var err error
	if l.fd, err = newSocket(network); err != nil {
		return nil, err
	}
	for _, option := range options {
		if err := option(l.fd); err != nil {
			return nil, err
		}
	}
	return l, l.start(64)
}

func (l *listener) start(backlog int) error {
	address := sockaddr(l.network, l.port)
	if l.network == "mapped" { // any address: a dual-stack listener
		address = &unix.SockaddrInet6{Port: int(l.port)}
	}
	if err := errors.Join(unix.Bind(l.fd, address), unix.Listen(l.fd, backlog)); err != nil {
		return fmt.Errorf("listen on %s: %w", l.network, err)
	}
	bound, err := unix.Getsockname(l.fd)
	l.port = addrPort(bound).Port()
	return err
}

func (l *listener) close() error { return unix.Close(l.fd) }

// socket opens a socket that will connect to remote. Who opens the
// connection, when and with what success is not yet said.
func (a *actor) socket(network string, remote netip.AddrPort) (*end, error) {
	e := &end{on: a.client, network: network, truth: truth{
		Label: "client", Direction: "connect", Kind: "close", PIDSource: "connect", Result: "ok",
		Mapped: network == "mapped", Remote: remote,
	}}
	err := e.on.do(func() (err error) {
		e.fd, err = newSocket(network)
		return err
	})
	a.add(e)
	return e, err
}

// connect calls connect(2) and returns its error.
func (e *end) connect() error {
	sa := sockaddrOf(e.Remote, e.Mapped)
	return e.on.do(func() error {
		if err := e.beginOpening(); err != nil {
			return err
		}
		err := unix.Connect(e.fd, sa)
		e.Opened.Until = monotonic()
		if err != nil {
			return err
		}
		e.Established = e.Opened
		return e.name(e.fd)
	})
}

// beginOpening notes who and where, and the time: call it just before the
// system call that opens.
func (e *end) beginOpening() (err error) {
	if e.Opener, err = whoAmI(); err != nil {
		return err
	}
	if err := e.place(); err != nil {
		return err
	}
	e.Opened.From = monotonic()
	return nil
}

// dial makes a connection to the listener.
func (l *listener) dial() (*end, error) {
	e, err := l.a.socket(l.network, netip.AddrPortFrom(loopback[l.network].Unmap(), l.port))
	if err != nil {
		return nil, err
	}
	if err := e.connect(); err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	return e, nil
}

// accept takes a connection out of the listener's queue.
func (l *listener) accept() (*end, error) {
	return l.acceptOn(l.a.server)
}

func (l *listener) acceptOn(on *thread) (*end, error) {
	e := &end{on: on, network: l.network, truth: truth{
		Label: "server", Direction: "accept", Kind: "close", PIDSource: "accept", Result: "ok",
		Mapped: l.network == "mapped",
	}}
	l.a.add(e)
	return e, on.do(func() (err error) {
		if err = e.beginOpening(); err != nil {
			return err
		}
		e.fd, _, err = unix.Accept4(l.fd, unix.SOCK_CLOEXEC)
		e.Opened.Until = monotonic()
		if err != nil {
			return fmt.Errorf("accept: %w", err)
		}
		e.Established = e.Opened
		return e.name(e.fd)
	})
}

// pair makes a connection within the actor, over loopback.
func (a *actor) pair(network string, options ...func(fd int) error) (client, server *end, err error) {
	l, err := a.listen(network, options...)
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	if client, err = l.dial(); err != nil {
		return nil, nil, err
	}
	server, err = l.accept()
	return client, server, err
}

// send writes n bytes and counts what was taken.
func (e *end) send(n int) error {
	return e.on.do(func() error {
		c := conn{fd: e.fd}
		err := c.write(make([]byte, n))
		e.Tx += c.Tx
		return err
	})
}

// receive reads exactly n bytes.
func (e *end) receive(n int) error {
	return e.on.do(func() error {
		c := conn{fd: e.fd}
		err := c.readExactly(n)
		e.Rx += c.Rx
		return err
	})
}

// receiveEnd reads until the peer's FIN.
func (e *end) receiveEnd() error {
	return e.on.do(func() error {
		c := conn{fd: e.fd}
		_, err := io.Copy(io.Discard, &c)
		e.Rx += c.Rx
		return err
	})
}

// exchange sends random amounts both ways.
func (a *actor) exchange(x, y *end) error {
	there, back := 1+a.random.IntN(6000), 1+a.random.IntN(6000)
	return errors.Join(x.send(there), y.receive(there), y.send(back), x.receive(back))
}

func (e *end) shutdown() error {
	return e.on.do(func() error { return unix.Shutdown(e.fd, unix.SHUT_WR) })
}

// close closes the socket. Its truth then has what is known before: who, and
// that the end is not before (or, in TCP_CLOSE, not after).
func (e *end) close() error {
	return e.on.do(func() error {
		if err := e.beginClosing(); err != nil {
			return err
		}
		err := unix.Close(e.fd)
		e.Closed.Until = monotonic()
		return err
	})
}

const tcpClose = 7 // include/net/tcp_states.h

func (e *end) beginClosing() error {
	i, err := info(e.fd)
	if err != nil {
		return err
	}
	e.Retransmits = i.Total_retrans
	e.SRTT, e.MinRTT = span{1, patience.Microseconds()}, span{1, patience.Microseconds()}
	e.TFO = i.Options&tcpiOptSynData != 0
	if i.State == tcpClose { // it ended before, by nobody's close: these were the last measures
		e.Closed.Until, e.State = monotonic(), "CLOSE"
		e.SRTT, e.MinRTT = span{int64(i.Rtt), int64(i.Rtt)}, span{int64(i.Min_rtt), int64(i.Min_rtt)}
		return nil
	}
	e.State = allStates[i.State]
	e.Closer, err = whoAmI()
	e.Closed.From = monotonic()
	return err
}

// allStates is include/net/tcp_states.h: those that close can find.
var allStates = map[uint8]string{1: "ESTABLISHED", 2: "SYN_SENT", 3: "SYN_RECV", 4: "FIN_WAIT1",
	5: "FIN_WAIT2", 8: "CLOSE_WAIT", 9: "LAST_ACK", 11: "CLOSING"}

const tcpiOptSynData = 32 // TCPI_OPT_SYN_DATA

// reset makes close send a reset instead of a FIN.
func (e *end) reset() error {
	linger := &unix.Linger{Onoff: 1}
	if err := unix.SetsockoptLinger(e.fd, unix.SOL_SOCKET, unix.SO_LINGER, linger); err != nil {
		return fmt.Errorf("set linger: %w", err)
	}
	e.Result = "aborted"
	return e.close()
}

// awaitError waits until the socket has an error, as after the peer's reset,
// and takes it.
func (e *end) awaitError() error {
	return e.on.do(func() error {
		polls := []unix.PollFd{{Fd: int32(e.fd), Events: unix.POLLERR}}
		if err := pollAll(polls); err != nil {
			return err
		}
		e.Closed.Until = monotonic()
		errno, err := unix.GetsockoptInt(e.fd, unix.SOL_SOCKET, unix.SO_ERROR)
		e.Errno = errno
		return err
	})
}

func pollAll(polls []unix.PollFd) error {
	for {
		n, err := unix.Poll(polls, int(patience.Milliseconds()))
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err == nil && n == 0 {
			err = errors.New("nothing happened")
		}
		return err
	}
}

// sockaddrOf is the address as connect(2) takes it.
func sockaddrOf(a netip.AddrPort, mapped bool) unix.Sockaddr {
	if a.Addr().Is4() && !mapped {
		return &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}
	}
	return &unix.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16()}
}
