//go:build vmtest && linux

package connsnoop_test

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"namespaces-cgroups-ebpf/internal/kernel"
)

// unusualParts open connections by other ways than connect and accept of
// plain TCP.
var unusualParts = []part{
	{name: "mptcp", play: playMPTCP, needs: kernel.MPTCP, root: true},
	{name: "mptcp-listener", play: playMPTCPListener, needs: kernel.MPTCP, root: true, slow: true},
	{name: "tfo-sendmsg", play: playFastOpen(false), root: true},
	{name: "tfo-connect", play: playFastOpen(true), root: true, slow: true},
	{name: "io-uring", play: playRing},
}

// connectRaw is connect(2) with an address that package unix does not know.
func connectRaw(fd int, address *unix.RawSockaddrInet4) error {
	return rawCall(unix.SYS_CONNECT, uintptr(fd), pointer(address), unix.SizeofSockaddrInet4)
}

// sysctl sets one of the actor's network namespace.
func sysctl(name, value string) error {
	if err := os.WriteFile("/proc/sys/net/"+name, []byte(value), 0); err != nil {
		return fmt.Errorf("set sysctl: %w", err)
	}
	return nil
}

// mptcpSocket opens a socket of IPPROTO_MPTCP.
func mptcpSocket() (int, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, unix.IPPROTO_MPTCP)
	if err != nil {
		return -1, fmt.Errorf("open MPTCP socket: %w", err)
	}
	return fd, nil
}

// mptcpPair has an MPTCP listener, and a client of either kind.
func (a *actor) mptcpPair(network string) (client, server *end, err error) {
	l := &listener{network: "ipv4", a: a}
	if l.fd, err = mptcpSocket(); err != nil {
		return nil, nil, err
	}
	if err := l.start(8); err != nil {
		return nil, nil, err
	}
	if client, err = a.socket("ipv4", l.address()); err != nil {
		return nil, nil, err
	}
	if network == "mptcp" {
		if err := unix.Close(client.fd); err != nil {
			return nil, nil, err
		}
		if client.fd, err = mptcpSocket(); err != nil {
			return nil, nil, err
		}
		client.MPTCP = true
	}
	if err := client.connect(); err != nil {
		return nil, nil, err
	}
	if server, err = l.accept(); err != nil {
		return nil, nil, err
	}
	server.MPTCP = client.MPTCP
	return client, server, l.close()
}

// playMPTCP: what is seen of an MPTCP connection is its one subflow, which a
// worker of the kernel closes.
func playMPTCP(a *actor) error {
	if err := sysctl("mptcp/enabled", "1"); err != nil {
		return err
	}
	client, server, err := a.mptcpPair("mptcp")
	if err != nil {
		return err
	}
	if err := a.exchange(client, server); err != nil {
		return err
	}
	if err := errors.Join(client.closeMPTCP(), server.receiveEnd(), server.closeMPTCP()); err != nil {
		return err
	}
	return nil
}

// closeMPTCP closes what has no TCP_INFO of its subflow: who closes it, and
// when, is the kernel's business.
func (e *end) closeMPTCP() error {
	return e.on.do(func() error {
		e.Closed.From = monotonic()
		return unix.Close(e.fd)
	})
}

// playMPTCPListener: a plain client makes a plain connection.
func playMPTCPListener(a *actor) error {
	if err := sysctl("mptcp/enabled", "1"); err != nil {
		return err
	}
	client, server, err := a.mptcpPair("plain")
	if err != nil {
		return err
	}
	return errors.Join(a.exchange(client, server), client.close(), server.receiveEnd(), server.close())
}

// playFastOpen makes a connection that fetches a cookie, and one whose data
// go with the SYN.
func playFastOpen(deferred bool) func(*actor) error {
	return func(a *actor) error {
		if err := sysctl("ipv4/tcp_fastopen", "3"); err != nil {
			return err
		}
		l, err := a.listen("ipv4", func(fd int) error {
			return unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_FASTOPEN, 8)
		})
		if err != nil {
			return err
		}
		for _, data := range []int{0, 100} {
			if err := a.fastOpen(l, deferred, data); err != nil {
				return err
			}
		}
		return l.close()
	}
}

// fastOpen makes one connection; data is how much must fit into its SYN.
func (a *actor) fastOpen(l *listener, deferred bool, data int) error {
	client, err := a.socket("ipv4", l.address())
	if err != nil {
		return err
	}
	client.Label = fmt.Sprintf("client, %d bytes in the SYN", data)
	send := client.sendFast
	if deferred {
		send = client.connectDeferred
	}
	if err := client.on.do(func() error { return send(100) }); err != nil {
		return err
	}
	server, err := l.accept()
	if err != nil {
		return err
	}
	server.Label = fmt.Sprintf("server, %d bytes in the SYN", data)
	if err := errors.Join(server.receive(100), a.exchange(client, server), client.close(),
		server.receiveEnd(), server.close()); err != nil {
		return err
	}
	if client.TFO != (data > 0) {
		return fmt.Errorf("data went with the SYN: %t, with %d bytes asked for", client.TFO, data)
	}
	return nil
}

// sendFast opens the connection by sending (MSG_FASTOPEN).
func (e *end) sendFast(n int) error {
	if err := e.beginOpening(); err != nil {
		return err
	}
	data := make([]byte, n)
	sent, err := unix.SendmsgN(e.fd, data, nil, sockaddrOf(e.Remote, false), unix.MSG_FASTOPEN)
	return e.opened(sent, err)
}

// connectDeferred opens it with TCP_FASTOPEN_CONNECT: given a cookie, connect
// sends nothing, and the first write sends the SYN.
func (e *end) connectDeferred(n int) error {
	const tcpFastOpenConnect = 30 // TCP_FASTOPEN_CONNECT
	if err := unix.SetsockoptInt(e.fd, unix.IPPROTO_TCP, tcpFastOpenConnect, 1); err != nil {
		return err
	}
	if err := e.beginOpening(); err != nil {
		return err
	}
	if err := unix.Connect(e.fd, sockaddrOf(e.Remote, false)); err != nil {
		return err
	}
	e.Opened.Until = monotonic()
	nap()
	if i, err := info(e.fd); err != nil {
		return err
	} else if allStates[i.State] == "SYN_SENT" { // connect has not even sent one
		e.SYN = monotonic()
	}
	sent, err := unix.Write(e.fd, make([]byte, n))
	until := e.Opened.Until
	err = e.opened(sent, err)
	e.Opened.Until = until
	return err
}

// opened notes that the first write has opened the connection.
func (e *end) opened(sent int, err error) error {
	e.Opened.Until = monotonic()
	e.Established = span{From: e.Opened.From} // it comes when it comes
	if err != nil {
		return fmt.Errorf("send first data: %w", err)
	}
	e.Tx += uint64(sent)
	return e.name(e.fd)
}
