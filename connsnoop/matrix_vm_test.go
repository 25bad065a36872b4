//go:build vmtest && linux

package connsnoop_test

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/connsnoop"
	"namespaces-cgroups-ebpf/internal/kernel"
)

// matrix is conn-matrix/v1.
type matrix struct {
	Schema string `json:"schema"`
	Kernel string `json:"kernel"`
	Cells  []cell `json:"cells"`
}

type cell struct {
	Scenario    string            `json:"scenario"`
	Asked       connsnoop.Backend `json:"asked"`
	Backend     connsnoop.Backend `json:"backend"`
	Verdict     string            `json:"verdict"`
	Ends        int               `json:"ends_count"`
	Records     int               `json:"records_count"`
	Differences []difference      `json:"differences"`
}

type difference struct {
	End        string `json:"end"`
	Field      string `json:"field"`
	Difference string `json:"difference"`
}

// judge compares the events of a watch with the truths of scenarios. It
// returns a cell for each scenario, and the events that belong to nothing:
// there may be one for each end that a skipped program has spoiled.
func judge(w *watch, truths map[string][]truth, stats connsnoop.Stats) (cells []cell, nothing []connsnoop.Event) {
	left := slices.Clone(w.events)
	// The kernel does not run a kprobe program while another runs on this CPU,
	// whoever's it is, and counts that: so many ends may be less than exact.
	// A trampoline's only stands in its own way, which its copies make up for.
	skips := int(stats.Recursion)
	if w.backend == connsnoop.BackendFentry {
		skips = 0
	}
	skipped := skips
	for _, name := range slices.Sorted(maps.Keys(truths)) {
		c := cell{Scenario: name, Asked: w.asked, Backend: w.backend, Verdict: "exact", Differences: []difference{}}
		for _, end := range truths[name] {
			if end.Kind != "none" {
				left = c.judge(end, left, &skips)
			}
		}
		cells = append(cells, c)
	}
	spoiled := 3 * (skipped - skips) // events each, at most
	return cells, left[min(spoiled, len(left)):]
}

// judge finds the record of an end, and the events before it, and returns the
// others.
func (c *cell) judge(end truth, events []connsnoop.Event, skips *int) []connsnoop.Event {
	c.Ends++
	i := end.find(events)
	if i < 0 {
		c.note(end.Label, map[string]string{"record": "there is none"}, skips)
		return events
	}
	c.Records++
	record := events[i]
	var notices, others []connsnoop.Event
	for j, e := range events {
		switch {
		case j < i && isBefore(e, record):
			notices = append(notices, e)
		case j != i:
			others = append(others, e)
		}
	}
	wrong := compareNotices(end, notices, record)
	maps.Copy(wrong, compare(end, record))
	c.note(end.Label, wrong, skips)
	return others
}

var verdicts = []string{"exact", "best effort", "skipped", "wrong"}

// mostDifferences are written for a cell: enough to see what is wrong.
const mostDifferences = 12

func (c *cell) note(label string, wrong map[string]string, skips *int) {
	verdict := 0
	for _, field := range slices.Sorted(maps.Keys(wrong)) {
		if len(c.Differences) < mostDifferences {
			c.Differences = append(c.Differences, difference{label, field, wrong[field]})
		}
		if expected[c.Scenario].excuses(field, c.Backend) {
			verdict = max(verdict, 1)
		} else {
			verdict = 3
		}
	}
	if verdict == 3 && *skips > 0 {
		*skips--
		verdict = 2
	}
	c.Verdict = verdicts[max(verdict, slices.Index(verdicts, c.Verdict))]
}

// save writes the artifact.
func (m matrix) save(t testing.TB) {
	release, err := kernel.Release()
	require.NoError(t, err)
	m.Schema, m.Kernel = "conn-matrix/v1", release
	data, err := json.Marshal(m)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(os.Getenv("VMTEST_OUT"), "matrix.json"), data, 0o644))
}
