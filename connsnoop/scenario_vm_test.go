//go:build vmtest && linux

package connsnoop_test

import (
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"namespaces-cgroups-ebpf/internal/kernel"
)

// part is what an actor plays: one situation in which tracers have been wrong.
type part struct {
	name  string
	play  func(a *actor) error
	needs kernel.Feature
	root  bool // it keeps root in its own namespaces, to change them
	early bool // it has connections when the tracers start
	alone bool // it would make others less than exact
	wait  bool // it waits for the test's word
	slow  bool // it is for the full tier
}

// parts are all scenarios, in the order of the matrix.
var parts = slices.Concat(
	ordinaryParts, failureParts, blockedParts, endingParts, holderParts, unusualParts, networkParts, transferParts)

// extraParts are for other tests than that of the matrix.
var extraParts = slices.Concat(capacityParts, churnParts, seededParts)

// quick are the parts for the default tier, which has little time.
func quick(list []part) []part {
	return slices.DeleteFunc(slices.Clone(list), func(p part) bool { return p.slow })
}

func scenarioNamed(name string) (part, bool) {
	for _, p := range slices.Concat(parts, extraParts) {
		if p.name == name {
			return p, true
		}
	}
	return part{}, false
}

var ordinaryParts = []part{
	{name: "ipv4", play: overNetwork("ipv4")},
	{name: "ipv6", play: overNetwork("ipv6")},
	{name: "v4-mapped", play: overNetwork("mapped")},
	{name: "bound", play: playBound, slow: true},
	{name: "two-addresses", play: playTwoAddresses, slow: true},
	{name: "server-closes", play: playServerCloses},
	{name: "many-segments", play: playManySegments},
	{name: "listener", play: playListener},
	{name: "unused", play: playUnused},
}

// overNetwork is a connection that its client closes first.
func overNetwork(network string) func(a *actor) error {
	return func(a *actor) error {
		client, server, err := a.pair(network)
		if err != nil {
			return err
		}
		return errors.Join(a.exchange(client, server), client.close(), server.receiveEnd(), server.close())
	}
}

// playBound binds the client to a port before it connects: the port is then
// still the socket's when its end is seen.
func playBound(a *actor) error {
	l, err := a.listen("ipv4")
	if err != nil {
		return err
	}
	client, err := a.socket("ipv4", l.address())
	if err != nil {
		return err
	}
	if err := errors.Join(client.bind(), client.connect()); err != nil {
		return err
	}
	server, err := l.accept()
	if err != nil {
		return err
	}
	return errors.Join(a.exchange(client, server), client.close(), server.receiveEnd(), server.close(), l.close())
}

// playTwoAddresses: the two ends have addresses of their own.
func playTwoAddresses(a *actor) error {
	l := &listener{network: "ipv4", a: a}
	var err error
	if l.fd, err = newSocket("ipv4"); err != nil {
		return err
	}
	if err := l.start(8); err != nil {
		return err
	}
	client, err := a.socket("ipv4", l.address())
	if err != nil {
		return err
	}
	if err := unix.Bind(client.fd, &unix.SockaddrInet4{Addr: loopback["other"].As4()}); err != nil {
		return fmt.Errorf("bind: %w", err)
	}
	if err := client.connect(); err != nil {
		return err
	}
	server, err := l.accept()
	if err != nil {
		return err
	}
	return errors.Join(a.exchange(client, server), client.close(), server.receiveEnd(), server.close(), l.close())
}

func playServerCloses(a *actor) error {
	client, server, err := a.pair("ipv4")
	if err != nil {
		return err
	}
	return errors.Join(a.exchange(client, server), server.close(), client.receiveEnd(), client.close())
}

// playManySegments sends more than a window, both ways at once.
func playManySegments(a *actor) error {
	client, server, err := a.pair("ipv4")
	if err != nil {
		return err
	}
	n := 300_000 + a.random.IntN(300_000)
	sent := make(chan error)
	go func() { sent <- client.send(n) }()
	err = errors.Join(server.receive(n), <-sent)
	return errors.Join(err, client.close(), server.receiveEnd(), server.close())
}

// playListener closes a listener that nobody connected to.
func playListener(a *actor) error {
	for _, network := range networks {
		l, err := a.listen(network)
		if err != nil {
			return err
		}
		if err := l.close(); err != nil {
			return err
		}
	}
	return nil
}

// playUnused closes sockets that never connected.
func playUnused(a *actor) error {
	for _, network := range networks {
		e, err := a.socket(network, a.nowhere())
		if err != nil {
			return err
		}
		e.Kind = "none"
		if err := errors.Join(e.bind(), e.close()); err != nil {
			return err
		}
	}
	return nil
}
