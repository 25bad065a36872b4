//go:build !vmtest

package minicontainer

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/schemas"
)

// Not in the VM test binary: the schema validator starts slowly, and that
// binary is the probe too.

func TestReportWrite(t *testing.T) {
	report := newReport(NewSpec(options(nil)), time.Unix(1, 0))
	report.ExitCode = 127
	report.Error = &Failure{Step: "find-command", Message: "find command \"a>b\": no"}
	report.Steps = []StepTiming{{Step: "clone", By: BySupervisor, DurationNS: 1}}

	path := filepath.Join(t.TempDir(), "run.json")
	require.NoError(t, os.WriteFile(path, []byte("old"), 0o600))
	require.NoError(t, report.Write(path))
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Empty(t, schemas.Validate(ReportSchema, data))
	require.Contains(t, string(data), `\"a>b\"`)
	entries, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, entries, 1, "a temporary file is left")

	require.ErrorContains(t, report.Write(filepath.Join(path, "below-a-file")), "create report")
	require.ErrorContains(t, report.Write(filepath.Dir(path)), "move report")
}

// TestReportFixtures: what the schema takes the type reads, field by field.
func TestReportFixtures(t *testing.T) {
	fixtures, err := filepath.Glob("../schemas/testdata/valid/container-run/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, fixtures)
	for _, fixture := range fixtures {
		data, err := os.ReadFile(fixture)
		require.NoError(t, err)
		var report Report
		require.NoError(t, json.Unmarshal(data, &report))
		again, err := json.Marshal(report)
		require.NoError(t, err)
		require.JSONEq(t, string(data), string(again), fixture)
	}
}
