//go:build vmtest && linux

package connsnoop_test

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// runClient makes one connection for each scenario, and prints their sides.
func runClient(j job, out *json.Encoder) error {
	sides := make([]side, len(j.Scenarios))
	var workers errgroup.Group
	for first := range j.Workers {
		workers.Go(func() (err error) {
			lockThread()
			for i := first; i < len(sides) && err == nil; i += j.Workers {
				sides[i], err = j.connect(i)
			}
			return err
		})
	}
	if err := workers.Wait(); err != nil {
		return err
	}
	if j.Failures {
		if err := failToConnect(); err != nil {
			return err
		}
	}
	return out.Encode(sides)
}

func (j job) connect(i int) (side, error) {
	s := j.Scenarios[i]
	fd, err := newSocket(s.Network)
	if err != nil {
		return side{}, err
	}
	if s.Retry {
		if err := refused(fd, s.Network); err != nil {
			return side{}, err
		}
	}
	if s.End == "queued" { // room for all of it, so that write returns
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, 1<<20); err != nil {
			return side{}, fmt.Errorf("set send buffer: %w", err)
		}
	}
	c := conn{fd: fd}
	c.OpenedFrom = monotonic()
	if err := unix.Connect(fd, sockaddr(s.Network, j.Ports[s.Network])); err != nil {
		return side{}, fmt.Errorf("connect: %w", err)
	}
	c.OpenedUntil = monotonic()
	if err := c.identify("connect", s.Network, j.Comm); err != nil {
		return side{}, err
	}
	err = c.asClient(i, s)
	return c.side, err
}

// asClient sends the scenario's number and payload, then does its ending.
func (c *conn) asClient(i int, s scenario) error {
	data := binary.BigEndian.AppendUint16(nil, uint16(i))
	if err := c.write(append(data, make([]byte, s.ClientTx)...)); err != nil {
		return err
	}
	steps := map[string]func() error{
		"client": func() error { return c.readExactly(s.ServerTx) },
		"server": c.readToEnd,
		"half":   func() error { return errors.Join(unix.Shutdown(c.fd, unix.SHUT_WR), c.readToEnd()) },
		"reset": func() error {
			return errors.Join(c.readExactly(s.ServerTx),
				unix.SetsockoptLinger(c.fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1}))
		},
		"unread": func() error { return c.awaitUnread(s.ServerTx) },
		"early":  func() error { return errors.Join(unix.Shutdown(c.fd, unix.SHUT_WR), c.readExactly(s.ServerTx)) },
		"queued": func() error { return nil },
	}
	if err := errors.Join(steps[s.End](), c.close()); err != nil {
		return err
	}
	if slices.Contains(orderedEndings, s.End) {
		_, err := unix.Write(orderFD, []byte("."))
		return err
	}
	return nil
}

// refused connects fd to a port that is taken but where nobody listens.
func refused(fd int, network string) error {
	holder, err := newSocket(network)
	if err != nil {
		return err
	}
	defer unix.Close(holder)
	if err := unix.Bind(holder, sockaddr(network, 0)); err != nil {
		return fmt.Errorf("bind: %w", err)
	}
	bound, err := unix.Getsockname(holder)
	if err != nil {
		return err
	}
	err = unix.Connect(fd, sockaddr(network, addrPort(bound).Port()))
	if errors.Is(err, unix.EINPROGRESS) {
		_, err = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}, 5000)
		if err != nil {
			return fmt.Errorf("poll: %w", err)
		}
		var errno int
		errno, err = unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
		err = errors.Join(err, unix.Errno(errno))
	}
	if !errors.Is(err, unix.ECONNREFUSED) {
		return fmt.Errorf("connect to closed port: got %v, want ECONNREFUSED", err)
	}
	return nil
}

// failToConnect does what must leave no record: refusals, blocking and not,
// an unreachable network, a socket that is closed without having connected.
func failToConnect() error {
	for _, network := range slices.Concat(networks, networks) {
		fd, err := newSocket(network)
		if err != nil {
			return err
		}
		if err := refused(fd, network); err != nil {
			return err
		}
		if err := unix.Close(fd); err != nil {
			return err
		}
	}
	return failOthers()
}

func failOthers() error {
	fd, err := newSocket("ipv4")
	if err != nil {
		return err
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		return err
	}
	if err := refused(fd, "ipv4"); err != nil {
		return err
	}
	unused, err := newSocket("ipv6")
	if err != nil {
		return err
	}
	lost, err := newSocket("ipv4")
	if err != nil {
		return err
	}
	if err := unix.Connect(lost, &unix.SockaddrInet4{Port: 9, Addr: [4]byte{192, 0, 2, 1}}); err == nil {
		return errors.New("192.0.2.1 is reachable")
	}
	return errors.Join(unix.Close(fd), unix.Close(unused), unix.Close(lost))
}
