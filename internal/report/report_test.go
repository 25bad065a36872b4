package report_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/internal/report"
)

// TestReportHoldsEverything: each property that the schema knows has a field
// here, or a merged or re-rendered report would lose it.
func TestReportHoldsEverything(t *testing.T) {
	files, err := filepath.Glob("../../schemas/testdata/valid/vmtest-report/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			data, err := os.ReadFile(file)
			require.NoError(t, err)
			d := json.NewDecoder(bytes.NewReader(data))
			d.DisallowUnknownFields()
			var r report.Report
			require.NoError(t, d.Decode(&r))
			before := r
			r.Summarize()
			require.Equal(t, before.Summary, r.Summary, "the fixture's summary is what its results say")
		})
	}
}
