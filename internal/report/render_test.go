package report_test

import (
	"bytes"
	"encoding/xml"
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
	renderings := map[string]func(io.Writer, report.Report) error{".md": report.Markdown, ".xml": report.JUnit}
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

// TestMarkdownIsText: whatever a guest says stays one cell of plain text, and
// a step summary stays small.
func TestMarkdownIsText(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, report.Markdown(&b, hostile()))
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
	require.NoError(t, report.Markdown(&b, r))
	require.Equal(t, 200, strings.Count(b.String(), "because of fail"))
	require.Contains(t, b.String(), "More than 200")
}

// TestJUnitCounts reads the XML back and counts.
func TestJUnitCounts(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, report.JUnit(&b, hostile()))
	require.Less(t, b.Len(), 40_000)
	var got struct {
		Tests    int `xml:"tests,attr"`
		Failures int `xml:"failures,attr"`
		Errors   int `xml:"errors,attr"`
		Suites   []struct {
			Skipped int `xml:"skipped,attr"`
			Cases   []struct {
				Failure []string `xml:"failure"`
				Error   []string `xml:"error"`
				Skipped []string `xml:"skipped"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	require.NoError(t, xml.Unmarshal(b.Bytes(), &got))
	require.Equal(t, []int{6, 3, 1}, []int{got.Tests, got.Failures, got.Errors})
	require.Len(t, got.Suites, 6)
	require.Empty(t, got.Suites[0].Cases[0].Failure)
	require.Len(t, got.Suites[1].Cases[0].Failure, 1)
	require.Len(t, got.Suites[2].Cases[0].Error, 1)
	require.Len(t, got.Suites[4].Cases[0].Skipped, 1)
	require.Equal(t, 1, got.Suites[4].Skipped)
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, os.ErrInvalid }

func TestRenderErrors(t *testing.T) {
	require.Error(t, report.Markdown(fullDisk{}, sample()))
	require.Error(t, report.JUnit(fullDisk{}, sample()))
}
