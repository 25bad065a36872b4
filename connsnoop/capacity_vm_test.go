//go:build vmtest && linux

package connsnoop_test

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/connsnoop"
)

// capacityParts make more connections at once than small maps hold.
var capacityParts = []part{
	{name: "many-at-once", play: playManyAtOnce},
}

// manyAtOnce is how many connections are open at the same time.
const manyAtOnce = 20

func playManyAtOnce(a *actor) error {
	l, err := a.listen("ipv4")
	if err != nil {
		return err
	}
	var clients, servers []*end
	for range manyAtOnce {
		client, err := l.dial()
		if err != nil {
			return err
		}
		server, err := l.accept()
		if err != nil {
			return err
		}
		clients, servers = append(clients, client), append(servers, server)
	}
	for i := range manyAtOnce {
		if err := errors.Join(clients[i].close(), servers[i].receiveEnd(), servers[i].close()); err != nil {
			return err
		}
	}
	return l.close()
}

// TestFullMap follows no more connections than fit, and says how many it did
// not; those that it follows are exact. Afterwards there is room again.
func TestFullMap(t *testing.T) {
	const room = 8
	for _, backend := range backendsHere(t) {
		t.Run(string(backend), func(t *testing.T) {
			random := seeded(t)
			w := startWatch(t, connsnoop.Options{Backend: backend, MaxConnections: room, MaxAggregates: 1})
			truths := perform(t, random, capacityParts, func() {})["many-at-once"]
			requireNoneLive(t)
			later := perform(t, random, ordinaryParts[:1], func() {})["ipv4"]
			requireNoneLive(t)
			stats := w.stop(t)
			require.EqualValues(t, len(truths)+len(later), stats.Opened)
			require.EqualValues(t, len(truths)-room, stats.MapFull)
			require.EqualValues(t, stats.MapFull, stats.Lost())
			requireSubset(t, append(truths, later...), w.ends())
			require.Len(t, w.ends(), room+len(later))
		})
	}
}

// requireSubset checks that each record is that of an end.
func requireSubset(t *testing.T, truths []truth, records []connsnoop.Event) {
	for _, w := range truths {
		if i := w.find(records); i >= 0 {
			require.Empty(t, compare(w, records[i]), w.Label)
			records = append(records[:i:i], records[i+1:]...)
		}
	}
	require.Empty(t, records, "records of nothing")
}

// TestFullRing counts the records that found no room, as nobody read.
func TestFullRing(t *testing.T) {
	for _, backend := range backendsHere(t) {
		t.Run(string(backend), func(t *testing.T) {
			random := seeded(t)
			tracer, err := connsnoop.New(connsnoop.Options{Backend: backend, RingBytes: 4096})
			require.NoError(t, err)
			defer tracer.Close()
			truths := perform(t, random, capacityParts, func() {})["many-at-once"]
			requireNoneLive(t)
			require.NoError(t, tracer.Detach())
			records := readAll(t, tracer)
			stats, err := tracer.Stats()
			require.NoError(t, err)
			t.Log(stats)
			require.NoError(t, stats.Check())
			require.EqualValues(t, len(truths), stats.Closed)
			require.NotZero(t, stats.RingFull)
			require.EqualValues(t, len(truths)-len(records), stats.RingFull)
			requireSubset(t, truths, records)
		})
	}
}

func readAll(t *testing.T, tracer *connsnoop.Tracer) (records []connsnoop.Event) {
	for {
		event, err := tracer.Read()
		if errors.Is(err, io.EOF) {
			return records
		}
		require.NoError(t, err, fmt.Sprint(len(records), " records read"))
		records = append(records, event)
	}
}
