//go:build vmtest && linux

package connsnoop_test

import (
	"fmt"
	"testing"

	"namespaces-cgroups-ebpf/connsnoop"
)

// TestScenarios plays every scenario before the best backend and the one that
// every kernel has.
func TestScenarios(t *testing.T) {
	performBefore(t, connsnoop.BackendFentry, connsnoop.BackendKprobe)
}

// TestBackends has all backends of this kernel watch one performance.
func TestBackends(t *testing.T) { performBefore(t, backendsHere(t)...) }

// performBefore plays every scenario while each backend watches, compares each end
// of each connection with the record of it, field by field, and holds what
// differs against what the table says of the backend.
func performBefore(t *testing.T, backends ...connsnoop.Backend) {
	random := seeded(t)
	var watches []*watch
	truths := perform(t, random, playable(t, parts), func() {
		for _, backend := range backends {
			watches = append(watches, startWatch(t, connsnoop.Options{Backend: backend, Events: true}))
		}
	})
	requireNoneLive(t)
	var m matrix
	for _, w := range watches {
		stats := w.stop(t)
		w.save(t, w.name+".jsonl")
		cells, nothing := judge(w, truths, stats)
		m.Cells = append(m.Cells, cells...)
		for _, e := range nothing {
			t.Errorf("%s: a record of nothing: %s", w.name, describe(e))
		}
	}
	m.save(t)
	m.requireGood(t)
}

func (m matrix) requireGood(t *testing.T) {
	for _, c := range m.Cells {
		t.Run(fmt.Sprintf("%s/%s", c.Backend, c.Scenario), func(t *testing.T) {
			for _, d := range c.Differences {
				t.Logf("%s: %s: %s", d.End, d.Field, d.Difference)
			}
			if c.Verdict == "wrong" {
				t.Error("a record that is less than the table says")
			}
		})
	}
}

func describe(e connsnoop.Event) string {
	return fmt.Sprintf("%s %s %v %v %s of %s (%d)",
		e.Kind, e.Direction, e.Local, e.Remote, e.Result, e.Opener.Comm, e.Opener.PID)
}
