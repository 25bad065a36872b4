package connsnoop

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/internal/kernel"
	"namespaces-cgroups-ebpf/schemas"
)

// scenarioRow is what testdata/scenarios.json says of a scenario; the VM
// tests hold the backends against it.
type scenarioRow struct {
	Scenario   string               `json:"scenario"`
	What       string               `json:"what"`
	Needs      kernel.Feature       `json:"needs"`
	BestEffort map[Backend][]string `json:"best_effort"`
}

func scenarioRows(t *testing.T) (rows []scenarioRow) {
	text, err := os.ReadFile("testdata/scenarios.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &rows))
	return rows
}

// backends are those that have hooks.
var backends = []Backend{BackendFentry, BackendKprobeMulti, BackendKprobe}

// TestScenariosAreBestEffortWhereFieldsAre: a scenario may be less than exact
// only in fields that are.
func TestScenariosAreBestEffortWhereFieldsAre(t *testing.T) {
	for _, row := range scenarioRows(t) {
		require.NotEmpty(t, row.What, row.Scenario)
		for backend, fields := range row.BestEffort {
			for _, name := range fields {
				i := slices.IndexFunc(Fields(), func(f Field) bool { return f.Name == name })
				require.True(t, name == "events" || i >= 0, "%s: no field %s", row.Scenario, name)
				require.True(t, name == "events" || Fields()[i].In(backend) == BestEffort, "%s: %s", row.Scenario, name)
			}
		}
	}
}

// TestScenariosInTheDocs: the tables are the scenarios' and those of the last
// runs. -update writes them.
func TestScenariosInTheDocs(t *testing.T) {
	requireInDocs(t, "docs/scenarios.md", "scenarios", scenariosTable(t))
	requireInDocs(t, "docs/scenarios.md", "matrix", matrixTable(t))
	requireInDocs(t, "docs/results.md", "results", resultsTable(t))
}

func scenariosTable(t *testing.T) string {
	table := [][]string{{"scenario", "fentry", "kprobe-multi", "kprobe", "kernel", "what happens"}}
	for _, row := range scenarioRows(t) {
		line := []string{"`" + row.Scenario + "`"}
		for _, backend := range backends {
			line = append(line, row.precision(backend))
		}
		since := ""
		if row.Needs != "" {
			version, err := kernel.Since(row.Needs)
			require.NoError(t, err)
			since = version.String()
		}
		table = append(table, append(line, since, row.What))
	}
	return markdown(table)
}

func (r scenarioRow) precision(backend Backend) string {
	if fields := r.BestEffort[backend]; fields != nil {
		return "best effort: `" + strings.Join(fields, "` `") + "`"
	}
	return "exact"
}

// recordedMatrix is a conn-matrix/v1 document of a real run.
type recordedMatrix struct {
	Kernel string
	Cells  []struct {
		Scenario       string
		Asked, Backend Backend
		Verdict        string
	}
}

// recordedMatrices are those of testdata/matrix, one for each kernel, from the
// oldest on.
func recordedMatrices(t *testing.T) (list []recordedMatrix) {
	files, err := filepath.Glob("testdata/matrix/*.json")
	require.NoError(t, err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		require.Empty(t, schemas.Validate("conn-matrix/v1", text), file)
		var m recordedMatrix
		require.NoError(t, json.Unmarshal(text, &m))
		list = append(list, m)
	}
	slices.SortFunc(list, func(a, b recordedMatrix) int {
		if a.version(t).AtLeast(b.version(t)) {
			return 1
		}
		return -1
	})
	return list
}

func (m recordedMatrix) version(t *testing.T) kernel.Version {
	version, err := kernel.Parse(m.Kernel)
	require.NoError(t, err)
	return version
}

// letters are the verdicts in the table of all kernels.
var letters = map[string]string{"exact": "E", "best effort": "B", "skipped": "S", "wrong": "WRONG", "": "-"}

// matrixTable has a column for each kernel, and in it a letter for each way of
// asking for a backend.
func matrixTable(t *testing.T) string {
	list := recordedMatrices(t)
	head := []string{"scenario"}
	for _, m := range list {
		head = append(head, m.Kernel)
	}
	table := [][]string{head}
	for _, row := range scenarioRows(t) {
		line := []string{"`" + row.Scenario + "`"}
		for _, m := range list {
			line = append(line, m.letters(row.Scenario))
		}
		table = append(table, line)
	}
	return markdown(table)
}

func (m recordedMatrix) letters(scenario string) string {
	verdicts := map[Backend]string{}
	for _, c := range m.Cells {
		if c.Scenario == scenario {
			verdicts[c.Asked] = c.Verdict
		}
	}
	var text []string
	for _, backend := range append(slices.Clone(backends), BackendAuto) {
		text = append(text, letters[verdicts[backend]])
	}
	return strings.Join(text, " ")
}

// resultsTable shows one real record of each result.
func resultsTable(t *testing.T) string {
	text, err := os.ReadFile("testdata/results.jsonl")
	require.NoError(t, err)
	var b strings.Builder
	seen := map[Result]bool{}
	for line := range strings.Lines(string(text)) {
		require.Empty(t, schemas.Validate(EventSchema, []byte(line)))
		var record struct {
			Result Result `json:"result"`
		}
		require.NoError(t, json.Unmarshal([]byte(line), &record))
		seen[record.Result] = true
		var pretty bytes.Buffer
		require.NoError(t, json.Indent(&pretty, []byte(line), "", " "))
		b.WriteString("\n## " + string(record.Result) + "\n\n```json\n" + pretty.String() + "```\n")
	}
	for _, result := range Results() {
		require.True(t, seen[result], "no record of %s", result)
	}
	return b.String()
}

func markdown(table [][]string) string {
	var b strings.Builder
	for i, line := range table {
		b.WriteString("| " + strings.Join(line, " | ") + " |\n")
		if i == 0 {
			b.WriteString(strings.Repeat("|---", len(line)) + "|\n")
		}
	}
	return b.String()
}

// requireInDocs holds a part of a page against what it should be.
func requireInDocs(t *testing.T, page, part, content string) {
	t.Helper()
	begin, end := "<!-- "+part+": written by go test -update -->\n", "<!-- /"+part+" -->\n"
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	head, rest, found := strings.Cut(string(text), begin)
	require.True(t, found, begin)
	_, tail, found := strings.Cut(rest, end)
	require.True(t, found, end)
	want := head + begin + content + end + tail
	if *update {
		require.NoError(t, os.WriteFile(page, []byte(want), 0o644))
		return
	}
	require.Equal(t, want, string(text))
}
