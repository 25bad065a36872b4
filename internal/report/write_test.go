package report_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/internal/report"
	"namespaces-cgroups-ebpf/schemas"
)

func TestWrite(t *testing.T) {
	dir := t.TempDir()
	r := hostile()
	require.NoError(t, report.Write(dir, r))
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	require.NoError(t, err)
	hidden, err := filepath.Glob(filepath.Join(dir, ".*"))
	require.NoError(t, err)
	require.Len(t, names, 4)
	require.Empty(t, hidden, "no temporary file is left")

	data, err := os.ReadFile(filepath.Join(dir, report.JSONFile))
	require.NoError(t, err)
	require.Empty(t, schemas.Validate(report.Schema, data))
	var back report.Report
	require.NoError(t, json.Unmarshal(data, &back))
	require.Equal(t, r.Summary, back.Summary)
}

// TestWriteEveryOutcome: the schema and this package agree on each outcome of
// tests and kernels, and on what may be green.
func TestWriteEveryOutcome(t *testing.T) {
	for _, o := range report.Outcomes() {
		t.Run(string(o), func(t *testing.T) {
			for _, optional := range []bool{false, true} {
				r := sample(report.Pass, o)
				r.Kernels[1].Optional = optional
				r.Summarize()
				require.NoError(t, report.Write(t.TempDir(), r))
				alone := sample(o)
				alone.Kernels[0].Optional = optional
				alone.Summarize()
				require.NoError(t, report.Write(t.TempDir(), alone))
			}
		})
	}
}

// A report that breaks its schema is there to be looked at, and is an error.
func TestWriteInvalid(t *testing.T) {
	dir := t.TempDir()
	r := sample(report.Pass)
	r.Results[0].Outcome, r.Results[0].Reason = "flaky", "who knows"
	require.ErrorContains(t, report.Write(dir, r), "validate report.json: /results/0/outcome")
	require.FileExists(t, filepath.Join(dir, report.JSONFile))
}

// A reader that has the old file open keeps it whole; the new one appears at
// once, and a failed write leaves the old one.
func TestWriteReplaces(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, report.Write(dir, sample(report.Pass)))
	path := filepath.Join(dir, report.JSONFile)
	old, err := os.Open(path)
	require.NoError(t, err)
	defer old.Close()
	before, err := os.Stat(path)
	require.NoError(t, err)
	require.NoError(t, report.Write(dir, sample(report.Fail)))
	after, err := os.Stat(path)
	require.NoError(t, err)
	require.False(t, os.SameFile(before, after), "written in place")
	var r report.Report
	require.NoError(t, json.NewDecoder(old).Decode(&r))
	require.Equal(t, report.Pass, r.Results[0].Outcome)
	require.EqualValues(t, 0o644, after.Mode().Perm())

	require.Error(t, report.Write(filepath.Join(dir, "nosuch"), sample()))
	require.NoError(t, os.Remove(path))
	require.NoError(t, os.Mkdir(path, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(path, "x"), nil, 0o644))
	require.ErrorContains(t, report.Write(dir, sample()), "write report.json")
	hidden, err := filepath.Glob(filepath.Join(dir, ".tmp-*"))
	require.NoError(t, err)
	require.Empty(t, hidden)
}
