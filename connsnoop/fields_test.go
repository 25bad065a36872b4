package connsnoop

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/schemas"
)

// TestFieldsAreThoseOfTheSchema: each property is in the table, once.
func TestFieldsAreThoseOfTheSchema(t *testing.T) {
	source, err := schemas.Source(EventSchema)
	require.NoError(t, err)
	var schema struct {
		Properties map[string]json.RawMessage `json:"properties"`
	}
	require.NoError(t, json.Unmarshal(source, &schema))
	delete(schema.Properties, "schema")
	var want, got []string
	for name := range schema.Properties {
		want = append(want, name)
	}
	for _, f := range Fields() {
		got = append(got, f.Name)
	}
	require.ElementsMatch(t, want, got)
}

// TestFieldsSayWhy: what is not exact has a reason, and only that.
func TestFieldsSayWhy(t *testing.T) {
	for _, f := range Fields() {
		allExact := true
		for _, b := range Backends() {
			if b == BackendAuto {
				require.Equal(t, Absent, f.In(b))
				continue
			}
			require.Contains(t, []Precision{Exact, BestEffort, Absent}, f.In(b))
			allExact = allExact && f.In(b) == Exact
		}
		require.Equal(t, allExact, f.Why == "", f.Name)
	}
}

// TestFieldsInTheDocs: the page's table is this one. -update writes it.
func TestFieldsInTheDocs(t *testing.T) {
	requireInDocs(t, "docs/records.md", "fields", fieldsTable())
}

// fieldsTable puts fields with the same precisions in one row.
func fieldsTable() string {
	var b strings.Builder
	b.WriteString("| field | fentry | kprobe-multi | kprobe | why |\n|---|---|---|---|---|\n")
	type row struct {
		fentry, multi, kprobe Precision
		why                   string
	}
	var order []row
	names := map[row][]string{}
	for _, f := range Fields() {
		r := row{f.Fentry, f.KprobeMulti, f.Kprobe, f.Why}
		if names[r] == nil {
			order = append(order, r)
		}
		names[r] = append(names[r], "`"+f.Name+"`")
	}
	for _, r := range order {
		cells := []string{strings.Join(names[r], " "), string(r.fentry), string(r.multi), string(r.kprobe), r.why}
		b.WriteString("| " + strings.Join(cells, " | ") + " |\n")
	}
	return b.String()
}
