package report_test

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/internal/report"
)

func encoded(t testing.TB, r report.Report) []byte {
	data, err := json.Marshal(r)
	require.NoError(t, err)
	return data
}

func TestRead(t *testing.T) {
	tests := []struct {
		name   string
		change func(*report.Report)
		want   string
	}{
		{"good", func(*report.Report) {}, ""},
		{"not valid", func(r *report.Report) { r.Results[0].ID = "x" }, "/results/0/id"},
		{"kernel twice", func(r *report.Report) { r.Kernels[1].Series = "5.1" }, "kernel 5.1 is there twice"},
		{"cell twice", func(r *report.Report) { r.Results[1].Series = "5.1" }, "mini-container/isolation on 5.1 is there twice"},
		{"unknown kernel", func(r *report.Report) { r.Results[0].Series = "9.9" }, "none of the kernels"},
		{"two names", func(r *report.Report) { r.Results[0].Entry = "other" }, "mini-container/isolation is called mini-container/other too"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := sample(report.Pass, report.Fail)
			r.Summarize()
			tt.change(&r)
			got, err := report.Read(bytes.NewReader(encoded(t, r)))
			if tt.want == "" {
				require.NoError(t, err)
				require.Equal(t, encoded(t, r), encoded(t, got))
				return
			}
			require.ErrorContains(t, err, tt.want)
		})
	}
}

// What a report says of itself is not believed.
func TestReadCountsItself(t *testing.T) {
	r := sample(report.Pass, report.Pass)
	r.Summarize()
	r.Summary.PassCount = 7
	r.Kernels[1].Series, r.Kernels[1].Outcome = "5.9", report.Pass // without any result
	r.Results = r.Results[:1]
	require.True(t, r.Summary.Green)
	got, err := report.Read(bytes.NewReader(encoded(t, r)))
	require.NoError(t, err)
	require.False(t, got.Summary.Green)
	require.Equal(t, 1, got.Summary.PassCount)
}

func TestReadFile(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, report.Write(dir, sample(report.Pass)))
	for _, path := range []string{dir, filepath.Join(dir, report.JSONFile)} {
		_, got, err := report.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, dir, got)
	}
	_, _, err := report.ReadFile(t.TempDir())
	require.ErrorContains(t, err, "open report")
	_, _, err = report.ReadFile(filepath.Join(dir, report.JUnitFile))
	require.ErrorContains(t, err, report.JUnitFile+": not a vmtest-report/v1")
}

func FuzzRead(f *testing.F) {
	f.Add(encoded(f, hostile()))
	f.Add([]byte(`{"schema":"vmtest-report/v1"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := report.Read(bytes.NewReader(data))
		if err != nil {
			return
		}
		var b strings.Builder
		require.NoError(t, report.JUnit(&b, r))
		require.NoError(t, report.Markdown(&b, r, nil))
		require.NoError(t, report.HTML(&b, r, report.Page{}))
	})
}
