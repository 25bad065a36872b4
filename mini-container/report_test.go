//go:build !vmtest

package minicontainer

import (
	"encoding/json"
	"fmt"
	"io"
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
	require.ErrorContains(t, report.Write(filepath.Dir(path)), "is a directory")
}

// TestReportThrough: a link and a pipe stay what they are. Root would else make
// a file of /dev/null.
func TestReportThrough(t *testing.T) {
	report := newReport(NewSpec(options(nil)), time.Unix(1, 0))
	report.ExitCode, report.Error = 127, &Failure{Step: "find-command", Message: "no"}
	dir := t.TempDir()
	link, target := filepath.Join(dir, "link"), filepath.Join(dir, "target")
	require.NoError(t, os.WriteFile(target, []byte("old"), 0o600))
	require.NoError(t, os.Symlink("target", link))
	require.NoError(t, report.Write(link))
	info, err := os.Lstat(link)
	require.NoError(t, err)
	require.Equal(t, os.ModeSymlink, info.Mode().Type())
	data, err := os.ReadFile(target)
	require.NoError(t, err)
	require.Empty(t, schemas.Validate(ReportSchema, data))

	read, write, err := os.Pipe()
	require.NoError(t, err)
	t.Cleanup(func() { read.Close() })
	require.NoError(t, report.Write(fmt.Sprintf("/proc/self/fd/%d", write.Fd())))
	require.NoError(t, write.Close())
	data, err = io.ReadAll(read)
	require.NoError(t, err)
	require.Empty(t, schemas.Validate(ReportSchema, data))
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
