//go:build vmtest && linux

package connsnoop_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/connsnoop"
)

// TestScenarios plays every scenario that is quick before the best backend
// and the one that every kernel has, which watch at the same time.
func TestScenarios(t *testing.T) {
	random := seeded(t)
	var watches []*watch
	truths := perform(t, random, playable(t, quick(parts)), func() {
		for _, backend := range []connsnoop.Backend{connsnoop.BackendFentry, connsnoop.BackendKprobe} {
			watches = append(watches, startWatch(t, connsnoop.Options{Backend: backend, Events: true}))
		}
	})
	requireNoneLive(t)
	var m matrix
	for _, w := range watches {
		m.Cells = append(m.Cells, w.finish(t, truths)...)
		save(t, w.name+".jsonl", w.events)
	}
	m.save(t)
	m.requireGood(t)
}

// TestBackends has each backend of this kernel, and the one that is taken
// unasked, watch every scenario alone, one after the other: after each of
// them nothing may be left in the map of live connections.
func TestBackends(t *testing.T) {
	var m matrix
	for _, backend := range append(backendsHere(t), connsnoop.BackendAuto) {
		cells, events := watchEach(t, seeded(t), connsnoop.Options{Backend: backend, Events: true})
		m.Cells = append(m.Cells, cells...)
		save(t, string(backend)+".jsonl", events)
		if backend == connsnoop.BackendAuto {
			saveResults(t, events)
		}
	}
	m.save(t)
	m.requireGood(t)
	m.requireWhole(t)
}

// watchEach plays the scenarios. One that is there before the tracer has a
// tracer of its own, and all others share one.
func watchEach(t *testing.T, random *rand.Rand, options connsnoop.Options) (cells []cell, events []connsnoop.Event) {
	truths, late := map[string][]truth{}, (*watch)(nil)
	done := func(w *watch, truths map[string][]truth) {
		cells = append(cells, w.finish(t, truths)...)
		events = append(events, w.events...)
	}
	for _, p := range playable(t, parts) {
		if p.early {
			var w *watch
			truths := perform(t, random, []part{p}, func() { w = startWatch(t, options) })
			requireNoneLive(t, p.name)
			done(w, truths)
			require.NoError(t, w.tracer.Close())
		}
	}
	late = startWatch(t, options)
	for _, p := range playable(t, parts) {
		if !p.early {
			truths[p.name] = perform(t, random, []part{p}, func() {})[p.name]
			requireNoneLive(t, p.name)
		}
	}
	done(late, truths)
	require.NoError(t, late.tracer.Close())
	return cells, events
}

// finish stops the tracer and judges what it has seen.
func (w *watch) finish(t *testing.T, truths map[string][]truth) []cell {
	stats := w.stop(t)
	cells, nothing := judge(w, truths, stats)
	for _, e := range nothing {
		t.Errorf("%s: an event of nothing: %s", w.name, describe(e))
	}
	w.requireSums(t, cells, truths)
	w.requireCounters(t, stats, truths)
	return cells
}

func (m matrix) requireGood(t *testing.T) {
	for _, c := range m.Cells {
		t.Run(fmt.Sprintf("%s/%s", c.Asked, c.Scenario), func(t *testing.T) {
			for _, d := range c.Differences {
				t.Logf("%s: %s: %s", d.End, d.Field, d.Difference)
			}
			if c.Verdict == "wrong" {
				t.Error("a record that is less than the table says")
			}
		})
	}
}

// requireWhole checks that what the table has of this kernel was played, each
// before all its backends.
func (m matrix) requireWhole(t *testing.T) {
	played := map[string]int{}
	for _, c := range m.Cells {
		played[c.Scenario]++
	}
	for name, e := range expected {
		want := len(backendsHere(t)) + 1
		if e.isTooNew(t) {
			want = 0
		}
		require.Equal(t, want, played[name], "how often %s was played", name)
		delete(played, name)
	}
	require.Empty(t, played, "scenarios that the table has not")
}

func describe(e connsnoop.Event) string {
	return fmt.Sprintf("%s %s %v %v %s of %s (%d)",
		e.Kind, e.Direction, e.Local, e.Remote, e.Result, e.Opener.Comm, e.Opener.PID)
}
