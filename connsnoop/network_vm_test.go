//go:build vmtest && linux

package connsnoop_test

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// networkParts have more of something: namespaces, listeners, acceptors.
var networkParts = []part{
	{name: "netns-1", play: playManyPorts},
	{name: "netns-2", play: playManyPorts},
	{name: "netns-3", play: playManyPorts, slow: true},
	{name: "netns-4", play: playManyPorts, slow: true},
	{name: "reuseport", play: playReusePort},
	{name: "blocked-acceptors", play: playBlockedAcceptors, alone: true, slow: true},
}

// playManyPorts makes connections with the same two addresses and ports in
// each network namespace that it is played in.
func playManyPorts(a *actor) error {
	l := &listener{network: "ipv4", a: a, port: 7777}
	var err error
	if l.fd, err = newSocket("ipv4"); err != nil {
		return err
	}
	if err := l.start(8); err != nil {
		return err
	}
	for port := range uint16(5) {
		client, err := a.socket("ipv4", netip.AddrPortFrom(loopback["ipv4"], 7777))
		if err != nil {
			return err
		}
		client.Label = fmt.Sprint("client ", port)
		if err := errors.Join(client.bindTo(40000+port), client.connect()); err != nil {
			return err
		}
		server, err := l.accept()
		if err != nil {
			return err
		}
		server.Label = fmt.Sprint("server ", port)
		if err := errors.Join(a.exchange(client, server), client.close(), server.receiveEnd(), server.close()); err != nil {
			return err
		}
	}
	return l.close()
}

// playReusePort has four acceptors, each with a listener of the same port.
func playReusePort(a *actor) error {
	var port uint16
	var polls []unix.PollFd
	listeners := make([]*listener, 4)
	for i := range listeners {
		l := &listener{network: "ipv4", a: a, port: port}
		var err error
		if l.fd, err = newSocket("ipv4"); err != nil {
			return err
		}
		if err := unix.SetsockoptInt(l.fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1); err != nil {
			return err
		}
		if err := l.start(64); err != nil {
			return err
		}
		port, listeners[i] = l.port, l
		polls = append(polls, unix.PollFd{Fd: int32(l.fd), Events: unix.POLLIN})
	}
	for range 12 {
		if err := a.throughOneOf(listeners, polls); err != nil {
			return err
		}
	}
	for _, l := range listeners {
		if err := l.close(); err != nil {
			return err
		}
	}
	return nil
}

func (a *actor) throughOneOf(listeners []*listener, polls []unix.PollFd) error {
	client, err := listeners[0].dial()
	if err != nil {
		return err
	}
	if err := pollAll(polls); err != nil {
		return err
	}
	for i, p := range polls {
		if p.Revents == 0 {
			continue
		}
		server, err := listeners[i].accept()
		if err != nil {
			return err
		}
		return errors.Join(a.exchange(client, server), client.close(), server.receiveEnd(), server.close())
	}
	return errors.New("nobody may accept")
}

// blockedAcceptors is more than a kretprobe has places for.
const blockedAcceptors = 200

// playBlockedAcceptors has many threads asleep in accept at once.
func playBlockedAcceptors(a *actor) error {
	l, err := a.listen("ipv4")
	if err != nil {
		return err
	}
	servers := make(chan *end, blockedAcceptors)
	var acceptors errgroup.Group
	for range blockedAcceptors {
		acceptors.Go(func() error {
			server, err := l.acceptOn(startThread("acceptor"))
			servers <- server
			return err
		})
	}
	if err := a.awaitAccepting(blockedAcceptors); err != nil {
		return err
	}
	for range blockedAcceptors {
		client, err := l.dial()
		if err != nil {
			return err
		}
		if err := errors.Join(client.send(10), client.close()); err != nil {
			return err
		}
	}
	for range blockedAcceptors {
		server := <-servers
		if err := errors.Join(server.receive(10), server.receiveEnd(), server.close()); err != nil {
			return err
		}
	}
	return errors.Join(acceptors.Wait(), l.close())
}

// awaitAccepting waits until n threads of this process sleep in accept.
func (a *actor) awaitAccepting(n int) error {
	for until := monotonic() + patience.Nanoseconds(); monotonic() < until; nap() {
		if asleep := countAccepting(); asleep >= n {
			return nil
		}
	}
	return errors.New("not all acceptors wait")
}

func countAccepting() (n int) {
	tasks, _ := os.ReadDir("/proc/self/task")
	for _, task := range tasks {
		call, _ := os.ReadFile("/proc/self/task/" + task.Name() + "/syscall")
		if strings.HasPrefix(string(call), fmt.Sprint(unix.SYS_ACCEPT4, " ")) {
			n++
		}
	}
	return n
}
