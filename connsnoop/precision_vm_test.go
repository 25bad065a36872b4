//go:build vmtest && linux

package connsnoop_test

import (
	_ "embed"
	"encoding/json"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/connsnoop"
	"namespaces-cgroups-ebpf/internal/kernel"
)

//go:embed testdata/scenarios.json
var scenariosFile []byte

// expectation is a row of the table of scenarios and backends, which is in
// docs/scenarios.md.
type expectation struct {
	Scenario   string                         `json:"scenario"`
	Needs      kernel.Feature                 `json:"needs"`
	BestEffort map[connsnoop.Backend][]string `json:"best_effort"`
}

// expected is the table by scenario.
var expected = func() map[string]expectation {
	var list []expectation
	if err := json.Unmarshal(scenariosFile, &list); err != nil {
		panic(err)
	}
	table := map[string]expectation{}
	for _, e := range list {
		table[e.Scenario] = e
	}
	return table
}()

// excuses says whether a wrong field is within what both tables promise: that
// of the fields, and that of the scenarios.
func (e expectation) excuses(name string, backend connsnoop.Backend) bool {
	precise := name
	if name == "events" { // that there are all of them is known by their opener
		precise = "opener"
	}
	return precisionOf(precise, backend) == connsnoop.BestEffort && slices.Contains(e.BestEffort[backend], name)
}

// isTooNew says whether this kernel cannot play the scenario.
func (e expectation) isTooNew(t testing.TB) bool {
	release, err := kernel.Release()
	require.NoError(t, err)
	return e.Needs != "" && kernel.Check(e.Needs, release) != nil
}

func precisionOf(name string, backend connsnoop.Backend) connsnoop.Precision {
	for _, f := range connsnoop.Fields() {
		if f.Name == name {
			return f.In(backend)
		}
	}
	return connsnoop.Absent
}

// TestFieldsAreCompared holds the comparisons against the table: each field
// of it is compared, or says the same as one that is.
func TestFieldsAreCompared(t *testing.T) {
	compared := map[string]bool{}
	for _, c := range comparisons {
		compared[c.name] = true
	}
	for _, f := range connsnoop.Fields() {
		of, isDerived := derived[f.Name]
		require.True(t, compared[f.Name] || isDerived, "nothing compares %s", f.Name)
		require.True(t, of == "" || compared[of], "nothing compares %s, of which %s is", of, f.Name)
	}
	for name := range compared {
		require.NotEqual(t, connsnoop.Absent, precisionOf(name, connsnoop.BackendFentry), "%s is not in the table", name)
	}
}
