//go:build vmtest && linux

package connsnoop_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestExact runs each ending over each network, one after the other, and
// what must not leave a record.
func TestExact(t *testing.T) {
	random := seeded(t)
	var scenarios []scenario
	for _, network := range networks {
		for _, end := range endings {
			s := scenario{Network: network, End: end, ClientTx: random.IntN(3000), ServerTx: 1 + random.IntN(3000)}
			if end == "client" || end == "half" { // more than one segment, more than one window
				s.ClientTx, s.ServerTx = s.ClientTx*100, s.ServerTx*30
			}
			scenarios = append(scenarios, s)
		}
		scenarios = append(scenarios,
			scenario{Network: network, End: "client"},
			scenario{Network: network, End: "early", ClientTx: random.IntN(100), ServerTx: 1 + random.IntN(100)},
			scenario{Network: network, End: "queued", ClientTx: 100_000 + random.IntN(50_000)},
			scenario{Network: network, End: "server", ClientTx: random.IntN(100), ServerTx: 1, Retry: true})
	}
	tr := startTracer(t, "events.jsonl")
	want := converse(t, random, job{Scenarios: scenarios, Workers: 1, Failures: true})
	events, stats := tr.interrupt(t, syscall.SIGINT)
	requireSame(t, want, events)
	requireNoLoss(t, stats, len(events))
}

// TestBurst has 200 connections from eight threads.
func TestBurst(t *testing.T) {
	random := seeded(t)
	scenarios := make([]scenario, 200)
	for i := range scenarios {
		scenarios[i] = scenario{
			Network: networks[random.IntN(len(networks))], End: endings[random.IntN(len(endings))],
			ClientTx: random.IntN(2000), ServerTx: 1 + random.IntN(2000),
		}
	}
	tr := startTracer(t, "events.jsonl")
	want := converse(t, random, job{Scenarios: scenarios, Workers: 8})
	events, stats := tr.interrupt(t, syscall.SIGTERM)
	requireSame(t, want, events)
	requireNoLoss(t, stats, len(events))
}

// converse runs a client and a server of random names and users, and returns
// the sides of both.
func converse(t *testing.T, random *rand.Rand, j job) []side {
	wait, signal, err := os.Pipe()
	require.NoError(t, err)
	server := startPeer(t, "server", 1000+random.Uint32N(60000), wait)
	client := startPeer(t, "client", 1000+random.Uint32N(60000), signal)
	require.NoError(t, errors.Join(wait.Close(), signal.Close()))
	return talk(t, random, server, client, j)
}

func talk(t *testing.T, random *rand.Rand, server, client *peer, j job) []side {
	j.Comm = randomName(random)
	server.send(t, j)
	server.receive(t, &j.Ports)
	j.Comm = randomName(random)
	client.send(t, j)
	sides := append(client.finish(t), server.finish(t)...)
	require.Len(t, sides, 2*len(j.Scenarios))
	return sides
}

// key tells the two ends of all connections apart.
func (s side) key() string { return fmt.Sprintf("%d %s %v %v", s.PID, s.Direction, s.Local, s.Remote) }

func (e wire) key() string {
	local, remote := hostPort(e.LocalAddr, e.LocalPort), hostPort(e.RemoteAddr, e.RemotePort)
	return fmt.Sprintf("%d %s %v %v", e.PID, e.Direction, local, remote)
}

// requireSame checks that each side has exactly one event, and nothing else
// in the guest has any. A port may be used again after a reset, so the time
// tells events with the same key apart.
func requireSame(t *testing.T, sides []side, events []wire) {
	byKey := map[string][]wire{}
	for _, e := range events {
		if e.Type == "failed" {
			continue
		}
		byKey[e.key()] = append(byKey[e.key()], e)
	}
	for _, s := range sides {
		candidates := byKey[s.key()]
		require.NotEmpty(t, candidates, "no record of %s", s.key())
		i := max(0, slices.IndexFunc(candidates, s.openedAt))
		requireMatch(t, s, candidates[i])
		if byKey[s.key()] = slices.Delete(candidates, i, i+1); len(candidates) == 1 {
			delete(byKey, s.key())
		}
	}
	require.Empty(t, byKey, "records of what was no connection, or twice")
}

func (s side) openedAt(e wire) bool { return s.OpenedFrom <= e.Opened && e.Opened <= s.OpenedUntil }
