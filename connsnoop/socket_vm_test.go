//go:build vmtest && linux

package connsnoop_test

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// conn is a blocking TCP socket that counts its payload.
type conn struct {
	fd int
	side
}

var loopback = map[string]netip.Addr{
	"ipv4":   netip.MustParseAddr("127.0.0.1"),
	"ipv6":   netip.MustParseAddr("::1"),
	"mapped": netip.MustParseAddr("::ffff:127.0.0.1"),
	"other":  netip.MustParseAddr("127.0.0.2"),
}

func monotonic() int64 {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts)
	return ts.Nano()
}

// lockThread ties the goroutine to a thread and gives that a name that no
// record may show.
func lockThread() {
	runtime.LockOSThread()
	_ = os.WriteFile("/proc/thread-self/comm", []byte("not-me"), 0)
}

func newSocket(network string) (int, error) {
	family := unix.AF_INET6
	if network == "ipv4" {
		family = unix.AF_INET
	}
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("open %s socket: %w", network, err)
	}
	return fd, nil
}

func sockaddr(network string, port uint16) unix.Sockaddr {
	if network == "ipv4" {
		return &unix.SockaddrInet4{Port: int(port), Addr: loopback[network].As4()}
	}
	return &unix.SockaddrInet6{Port: int(port), Addr: loopback[network].As16()}
}

func addrPort(sa unix.Sockaddr) netip.AddrPort {
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), uint16(sa.Port))
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(sa.Addr).Unmap(), uint16(sa.Port))
	}
	return netip.AddrPort{}
}

// identify notes who holds the socket and what its two ends are.
func (c *conn) identify(direction, network, comm string) error {
	local, err := unix.Getsockname(c.fd)
	if err != nil {
		return fmt.Errorf("get own address: %w", err)
	}
	remote, err := unix.Getpeername(c.fd)
	if err != nil {
		return fmt.Errorf("get peer's address: %w", err)
	}
	netns, err := os.Stat("/proc/self/ns/net")
	if err != nil {
		return err
	}
	c.Direction, c.Mapped, c.Comm = direction, network == "mapped", comm
	c.Local, c.Remote = addrPort(local), addrPort(remote)
	c.PID, c.TID, c.UID = os.Getpid(), unix.Gettid(), os.Getuid()
	c.Netns = netns.Sys().(*syscall.Stat_t).Ino
	return nil
}

func (c *conn) write(data []byte) error {
	for len(data) > 0 {
		n, err := unix.Write(c.fd, data)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return fmt.Errorf("write: %w", err)
		}
		c.Tx += uint64(n)
		data = data[n:]
	}
	return nil
}

// Read implements io.Reader.
func (c *conn) Read(data []byte) (int, error) {
	for {
		n, err := unix.Read(c.fd, data)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return 0, fmt.Errorf("read: %w", err)
		}
		if n == 0 {
			return 0, io.EOF
		}
		c.Rx += uint64(n)
		return n, nil
	}
}

func (c *conn) readExactly(n int) error {
	_, err := io.CopyN(io.Discard, c, int64(n))
	return err
}

func (c *conn) readToEnd() error {
	_, err := io.Copy(io.Discard, c)
	return err
}

// awaitUnread waits until n bytes are in the receive queue, and counts them.
func (c *conn) awaitUnread(n int) error {
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); {
		queued, err := unix.IoctlGetInt(c.fd, unix.SIOCINQ)
		if err != nil {
			return fmt.Errorf("ask for queue length: %w", err)
		}
		if queued == n {
			c.Rx += uint64(n)
			return nil
		}
		time.Sleep(time.Millisecond)
	}
	return fmt.Errorf("%d bytes did not arrive", n)
}

// close asks for the state, closes, and keeps the time around it.
func (c *conn) close() error {
	info, err := unix.GetsockoptTCPInfo(c.fd, unix.IPPROTO_TCP, unix.TCP_INFO)
	if err != nil {
		return fmt.Errorf("get TCP info: %w", err)
	}
	c.State = info.State
	c.ClosingFrom = monotonic()
	err = unix.Close(c.fd)
	c.ClosingUntil = monotonic()
	return err
}
