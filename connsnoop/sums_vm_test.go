//go:build vmtest && linux

package connsnoop_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/connsnoop"
)

// sums are a scenario's, by its truth: each has a name and a cgroup of its own.
func sums(ends []truth) (list []connsnoop.Aggregate) {
	for _, w := range ends {
		if w.Kind == "none" {
			continue
		}
		one := connsnoop.Aggregate{Comm: w.Opener.Comm, Port: w.Remote.Port(), Direction: connsnoop.Direction(w.Direction),
			Cgroup: connsnoop.Cgroup{ID: w.CgroupID, Path: w.CgroupPath}}
		if w.Direction == "accept" {
			one.Port = w.Local.Port()
		}
		i := slices.IndexFunc(list, func(a connsnoop.Aggregate) bool {
			return a.Port == one.Port && a.Direction == one.Direction
		})
		if i < 0 {
			i, list = len(list), append(list, one)
		}
		a := &list[i]
		a.Opened, a.Closed, a.TxBytes, a.RxBytes = a.Opened+1, a.Closed+1, a.TxBytes+w.Tx, a.RxBytes+w.Rx
		if w.Kind == "failed" {
			a.Failed++
		}
	}
	return list
}

// requireSums compares the sums by name, port and cgroup of each scenario
// whose records are exact.
func (w *watch) requireSums(t *testing.T, cells []cell, truths map[string][]truth) {
	all, err := w.tracer.Aggregates()
	require.NoError(t, err)
	for _, c := range cells {
		ends := truths[c.Scenario]
		if c.Verdict != "exact" || len(ends) == 0 {
			continue
		}
		got := slices.DeleteFunc(slices.Clone(all), func(a connsnoop.Aggregate) bool { return a.Cgroup.ID != ends[0].CgroupID })
		assert.ElementsMatch(t, sums(ends), got, "%s: sums of %s", w.name, c.Scenario)
	}
}

// requireCounters compares the counters with what happened. Nothing was lost,
// and nobody else has connections.
func (w *watch) requireCounters(t *testing.T, stats connsnoop.Stats, truths map[string][]truth) {
	var ends, failed, seeded, late uint64
	for _, list := range truths {
		for _, w := range list {
			switch {
			case w.Kind == "none":
				continue
			case w.Kind == "failed":
				failed++
			case w.Seeded:
				seeded++
			case w.PIDSource == "close":
				late++
			}
			ends++
		}
	}
	var notices uint64
	for _, e := range w.events {
		if !e.Kind.End() {
			notices++
		}
	}
	assert.Equal(t, notices, stats.Notices, "%s: events before the end", w.name)
	if stats.Recursion > 0 {
		return
	}
	if w.backend == connsnoop.BackendFentry { // others may miss returns of accept, which old kernels do not count
		assert.Equal(t, late, stats.Late, "%s: first seen late", w.name)
	}
	assert.Equal(t, []uint64{ends, ends, ends, failed, seeded, 0, 0, 0},
		[]uint64{stats.Opened, stats.Closed, stats.Submitted, stats.Failed, stats.Seeded,
			stats.Lost(), stats.NoticesLost, stats.PathsLost}, "%s: counters", w.name)
}
