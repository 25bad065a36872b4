//go:build vmtest && linux

package connsnoop_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/connsnoop"
)

// TestScenarios plays every scenario while each backend watches, and compares
// each end of each connection with the record of it, field by field.
func TestScenarios(t *testing.T) {
	random := seeded(t)
	var watches []*watch
	truths := perform(t, random, playable(t, parts), func() {
		for _, backend := range backendsHere(t) {
			watches = append(watches, startWatch(t, connsnoop.Options{Backend: backend, Events: true}))
		}
	})
	requireNoneLive(t)
	for _, w := range watches {
		w.stop(t)
		w.save(t, w.name+".jsonl")
	}
	for _, w := range watches {
		t.Run(w.name, func(t *testing.T) { requireTruths(t, truths, w.ends()) })
	}
}

// requireTruths finds the record of each end, and takes none for two.
func requireTruths(t *testing.T, truths map[string][]truth, records []connsnoop.Event) {
	for _, name := range slices.Sorted(maps.Keys(truths)) {
		t.Run(name, func(t *testing.T) {
			for _, w := range truths[name] {
				if w.Kind == "none" {
					continue
				}
				i := w.find(records)
				if i < 0 {
					t.Errorf("%s: no record of %s %v %v", w.Label, w.Direction, w.Local, w.Remote)
					continue
				}
				for field, diff := range compare(w, records[i]) {
					t.Errorf("%s: %s: %s", w.Label, field, diff)
				}
				records = slices.Delete(records, i, i+1)
			}
		})
	}
	for _, e := range records {
		t.Errorf("a record of nothing: %s", describe(e))
	}
}

func describe(e connsnoop.Event) string {
	return fmt.Sprintf("%s %s %v %v %s of %s (%d)", e.Kind, e.Direction, e.Local, e.Remote, e.Result, e.Opener.Comm, e.Opener.PID)
}

var _ = require.NoError
