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

// judge compares the records of a watch with the truths of all scenarios. It
// returns a cell for each scenario, and the records that belong to nothing:
// there may be one for each end that a skipped program has spoiled.
func judge(w *watch, truths map[string][]truth, stats connsnoop.Stats) (cells []cell, nothing []connsnoop.Event) {
	left := w.ends()
	// The kernel does not run a program that already runs on this CPU, and
	// counts that: so many ends may be less than exact.
	skips := int(stats.Recursion)
	for _, name := range slices.Sorted(maps.Keys(truths)) {
		c := cell{Scenario: name, Backend: w.backend, Verdict: "exact", Differences: []difference{}}
		for _, end := range truths[name] {
			if end.Kind != "none" {
				left = c.judge(end, left, &skips)
			}
		}
		cells = append(cells, c)
	}
	spoiled := int(stats.Recursion) - skips
	return cells, left[min(spoiled, len(left)):]
}

// judge finds the record of an end and returns the others.
func (c *cell) judge(end truth, records []connsnoop.Event, skips *int) []connsnoop.Event {
	c.Ends++
	wrong, i := map[string]string{"record": "there is none"}, end.find(records)
	if i >= 0 {
		c.Records++
		wrong = compare(end, records[i])
		records = slices.Delete(records, i, i+1)
	}
	c.note(end.Label, wrong, skips)
	return records
}

var verdicts = []string{"exact", "best effort", "skipped", "wrong"}

func (c *cell) note(label string, wrong map[string]string, skips *int) {
	verdict := 0
	for _, field := range slices.Sorted(maps.Keys(wrong)) {
		c.Differences = append(c.Differences, difference{label, field, wrong[field]})
		if excused(c.Scenario, field, c.Backend) {
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
