//go:build vmtest && linux

package connsnoop_test

import (
	"errors"
	"testing"

	"namespaces-cgroups-ebpf/connsnoop"
)

// seededParts have connections before the tracer that are half over by then:
// which side connected is to be told from what is acknowledged.
var seededParts = []part{
	{name: "client-closed-before", early: true, play: func(a *actor) error { return a.halfSeeded(false) }},
	{name: "server-closed-before", early: true, play: func(a *actor) error { return a.halfSeeded(true) }},
}

// halfSeeded ends one direction before the tracers start, and the other after.
func (a *actor) halfSeeded(byServer bool) error {
	client, server, err := a.pair("ipv4")
	if err != nil {
		return err
	}
	first, second := client, server
	if byServer {
		first, second = server, client
	}
	if err := errors.Join(a.exchange(client, server), first.shutdown(), second.receiveEnd(),
		first.awaitState(finWait2), a.pause()); err != nil {
		return err
	}
	for _, e := range []*end{client, server} {
		e.seed()
	}
	n := 1 + a.random.IntN(3000)
	return errors.Join(second.send(n), first.receive(n), first.close(), second.close())
}

const finWait2 = 5 // include/net/tcp_states.h

// TestSeeded has each backend find connections in the middle of their end.
func TestSeeded(t *testing.T) {
	for _, backend := range backendsHere(t) {
		t.Run(string(backend), func(t *testing.T) {
			var w *watch
			truths := perform(t, seeded(t), seededParts, func() {
				w = startWatch(t, connsnoop.Options{Backend: backend, Events: true})
			})
			requireNoneLive(t)
			requireExact(t, w.finish(t, truths))
		})
	}
}
