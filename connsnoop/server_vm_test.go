//go:build vmtest && linux

package connsnoop_test

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// runServer prints its ports, serves one connection for each scenario, closes
// its listeners and prints the sides.
func runServer(j job, out *json.Encoder) error {
	ports, polls := map[string]uint16{}, make([]unix.PollFd, len(networks))
	for i, network := range networks {
		fd, port, err := listen(network)
		if err != nil {
			return err
		}
		ports[network], polls[i] = port, unix.PollFd{Fd: int32(fd), Events: unix.POLLIN}
	}
	if err := out.Encode(ports); err != nil {
		return err
	}
	sides, err := j.serve(polls)
	if err != nil {
		return err
	}
	for _, p := range polls {
		if err := unix.Close(int(p.Fd)); err != nil {
			return fmt.Errorf("close listener: %w", err)
		}
	}
	return out.Encode(sides)
}

func listen(network string) (fd int, port uint16, err error) {
	if fd, err = newSocket(network); err != nil {
		return -1, 0, err
	}
	address := sockaddr(network, 0)
	if network == "mapped" { // any address: a dual-stack listener
		address = &unix.SockaddrInet6{}
	}
	if err := errors.Join(unix.Bind(fd, address), unix.Listen(fd, 64)); err != nil {
		return -1, 0, fmt.Errorf("listen on %s: %w", network, err)
	}
	bound, err := unix.Getsockname(fd)
	if err != nil {
		return -1, 0, fmt.Errorf("get own port: %w", err)
	}
	return fd, addrPort(bound).Port(), nil
}

// serve accepts in one thread, which polls first: a kretprobe misses the
// return of accept if many threads sleep in it.
func (j job) serve(polls []unix.PollFd) ([]side, error) {
	lockThread()
	sides := make([]side, len(j.Scenarios))
	var workers errgroup.Group
	for accepted := 0; accepted < len(sides); {
		if _, err := unix.Poll(polls, 20000); err != nil && !errors.Is(err, unix.EINTR) {
			return nil, fmt.Errorf("poll: %w", err)
		}
		for i, p := range polls {
			if p.Revents&unix.POLLIN == 0 {
				continue
			}
			c, err := j.accept(int(p.Fd), networks[i])
			if err != nil {
				return nil, err
			}
			accepted++
			workers.Go(func() error { return c.asServer(j.Scenarios, sides) })
		}
	}
	return sides, workers.Wait()
}

func (j job) accept(listener int, network string) (*conn, error) {
	c := &conn{}
	var err error
	c.OpenedFrom = monotonic()
	c.fd, _, err = unix.Accept4(listener, unix.SOCK_CLOEXEC)
	c.OpenedUntil = monotonic()
	if err != nil {
		return nil, fmt.Errorf("accept: %w", err)
	}
	return c, c.identify("accept", network, j.Comm)
}

// asServer reads the scenario's number, plays the server's part and notes it.
func (c *conn) asServer(scenarios []scenario, sides []side) error {
	var number [2]byte
	if _, err := io.ReadFull(c, number[:]); err != nil {
		return err
	}
	i := binary.BigEndian.Uint16(number[:])
	err := c.answer(scenarios[i])
	sides[i] = c.side
	return err
}

func (c *conn) answer(s scenario) error {
	if s.End == "queued" {
		if err := awaitOrder(); err != nil {
			return err
		}
	}
	receive := func() error { return c.readExactly(s.ClientTx) }
	if s.End == "half" || s.End == "early" || s.End == "queued" {
		receive = c.readToEnd
	}
	if err := errors.Join(receive(), c.write(make([]byte, s.ServerTx))); err != nil {
		return err
	}
	return errors.Join(c.awaitClient(s.End), c.close())
}

// awaitClient waits until the client has closed, where it closes first.
func (c *conn) awaitClient(end string) error {
	switch end {
	case "client":
		return c.readToEnd()
	case "early":
		return awaitOrder()
	case "reset", "unread":
		if err := c.readToEnd(); !errors.Is(err, unix.ECONNRESET) {
			return fmt.Errorf("got %v, want ECONNRESET", err)
		}
	}
	return nil
}

func awaitOrder() error {
	_, err := unix.Read(orderFD, make([]byte, 1))
	return err
}
