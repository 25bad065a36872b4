package report_test

import (
	"bytes"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/internal/report"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.WriteFile(path, got, 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), string(got))
}

func TestGolden(t *testing.T) {
	green := sample(report.Pass, report.Pass, report.Unavailable)
	green.Kernels[2].Optional = true
	green.Summarize()
	renderings := map[string]func(io.Writer, report.Report) error{".md": markdown, ".xml": report.JUnit}
	for name, r := range map[string]report.Report{"green": green, "hostile": hostile(), "empty": sample()} {
		for ext, render := range renderings {
			t.Run(name+ext, func(t *testing.T) {
				var b bytes.Buffer
				require.NoError(t, render(&b, r))
				golden(t, name+ext, b.Bytes())
			})
		}
	}
}

func markdown(w io.Writer, r report.Report) error { return report.Markdown(w, r, nil) }

// TestMarkdownIsText: whatever a guest says stays one cell of plain text, and
// a step summary stays small.
func TestMarkdownIsText(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, markdown(&b, hostile()))
	require.True(t, utf8.Valid(b.Bytes()))
	require.Less(t, b.Len(), 10_000)
	for line := range strings.Lines(b.String()) {
		require.NotContains(t, line, "<script")
		require.NotContains(t, line, "![x]")
		require.NotRegexp(t, `[\x00-\x09\x0b-\x1f\x7f]`, line)
		if strings.HasPrefix(line, "| mini-container/") {
			require.Equal(t, 6, bars(line), line)
		}
	}
}

// bars counts the pipes that end a cell: those that no backslash escapes.
func bars(line string) int {
	line = strings.ReplaceAll(line, `\\`, "")
	return strings.Count(line, "|") - strings.Count(line, `\|`)
}

func TestMarkdownBoundsReasons(t *testing.T) {
	r := sample(report.Pass)
	for range 300 {
		r.Results = append(r.Results, result("5.1", "mini-container/isolation", report.Fail))
	}
	r.Summarize()
	var b bytes.Buffer
	require.NoError(t, markdown(&b, r))
	require.Equal(t, 200, strings.Count(b.String(), "because of fail"))
	require.Contains(t, b.String(), "More than 200")
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, os.ErrInvalid }

func TestRenderErrors(t *testing.T) {
	require.Error(t, markdown(fullDisk{}, sample()))
	require.Error(t, report.JUnit(fullDisk{}, sample()))
	require.Error(t, report.HTML(fullDisk{}, sample(), report.Page{}))
}
