//go:build vmtest && linux

package connsnoop_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/connsnoop"
	"namespaces-cgroups-ebpf/internal/kernel"
)

// backendsHere are those that the running kernel must have.
func backendsHere(t testing.TB) []connsnoop.Backend {
	release, err := kernel.Release()
	require.NoError(t, err)
	version, err := kernel.Parse(release)
	require.NoError(t, err)
	list := []connsnoop.Backend{connsnoop.BackendFentry}
	if version.AtLeast(kernel.Version{Major: 6, Minor: 2}) { // Debian's 6.1 lacks CONFIG_FPROBE
		list = append(list, connsnoop.BackendKprobeMulti)
	}
	return append(list, connsnoop.BackendKprobe)
}

// watch is a tracer in this process, and what it has seen.
type watch struct {
	asked   connsnoop.Backend
	backend connsnoop.Backend
	name    string
	tracer  *connsnoop.Tracer
	events  []connsnoop.Event
	read    chan error
}

func startWatch(t testing.TB, options connsnoop.Options) *watch {
	tracer, err := connsnoop.New(options)
	require.NoError(t, err, "start %s", options.Backend)
	t.Cleanup(func() { require.NoError(t, tracer.Close()) })
	backend, reason := tracer.Backend()
	t.Logf("%s: %s", backend, reason)
	w := &watch{asked: options.Backend, backend: backend, name: string(options.Backend), tracer: tracer, read: make(chan error, 1)}
	go func() {
		for event, err := range tracer.Events(context.Background()) {
			if err != nil {
				w.read <- err
				return
			}
			w.events = append(w.events, event)
		}
		w.read <- nil
	}()
	return w
}

// stop ends the tracer and checks that its numbers add up.
func (w *watch) stop(t testing.TB) connsnoop.Stats {
	require.NoError(t, w.tracer.Detach())
	require.NoError(t, <-w.read, w.name)
	stats, err := w.tracer.Stats()
	require.NoError(t, err)
	t.Logf("%s: %v", w.name, stats)
	require.NoError(t, stats.Check(), w.name)
	require.Equal(t, len(w.ends()), int(stats.Submitted), "%s: records of ends", w.name)
	return stats
}

// ends are the records of connections' ends.
func (w *watch) ends() (list []connsnoop.Event) {
	for _, e := range w.events {
		if e.Kind.End() {
			list = append(list, e)
		}
	}
	return list
}

// save writes events as an artifact.
func save(t testing.TB, name string, events []connsnoop.Event) {
	file, err := os.Create(filepath.Join(os.Getenv("VMTEST_OUT"), name))
	require.NoError(t, err)
	defer file.Close()
	for _, e := range events {
		require.NoError(t, json.NewEncoder(file).Encode(e))
	}
}

// saveResults writes one record of each result.
func saveResults(t testing.TB, events []connsnoop.Event) {
	var list []connsnoop.Event
	for _, result := range connsnoop.Results() {
		i := slices.IndexFunc(events, func(e connsnoop.Event) bool { return e.Result == result && !e.Seeded })
		require.GreaterOrEqual(t, i, 0, "no connection ended with %s", result)
		list = append(list, events[i])
	}
	save(t, "results.jsonl", list)
}

// requireNoneLive waits until no tracer follows a connection any more, by
// what the kernel has in their maps.
func requireNoneLive(t testing.TB, after ...string) {
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		for _, m := range liveMaps(t) {
			n := countEntries(t, m)
			_ = m.Close()
			assert.Zero(c, n, "live connections, %v", after)
		}
	}, patience, 50*time.Millisecond)
}

// liveMaps are the kernel's maps with that name, whoever made them.
func liveMaps(t testing.TB) (list []*ebpf.Map) {
	for id, err := ebpf.MapGetNextID(0); ; id, err = ebpf.MapGetNextID(id) {
		if errors.Is(err, os.ErrNotExist) {
			return list
		}
		require.NoError(t, err)
		m, err := ebpf.NewMapFromID(id)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		require.NoError(t, err)
		info, err := m.Info()
		require.NoError(t, err)
		if info.Name == "live" {
			list = append(list, m)
		} else {
			_ = m.Close()
		}
	}
}

func countEntries(t testing.TB, m *ebpf.Map) (n int) {
	key, value := make([]byte, m.KeySize()), make([]byte, m.ValueSize())
	entries := m.Iterate()
	for entries.Next(&key, &value) {
		n++
	}
	require.NoError(t, entries.Err())
	return n
}
