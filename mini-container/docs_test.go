package minicontainer_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// declaredTests are the tests of this folder, those in VMs too.
func declaredTests(t *testing.T) map[string]bool {
	t.Helper()
	files, err := filepath.Glob("*_test.go")
	require.NoError(t, err)
	names := map[string]bool{}
	declaration := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, found := range declaration.FindAllStringSubmatch(string(text), -1) {
			names[found[1]] = true
		}
	}
	return names
}

// plannedTests are those that vmtest.json runs, by its regular expressions.
func plannedTests(t *testing.T) func(name string) bool {
	t.Helper()
	text, err := os.ReadFile("vmtest.json")
	require.NoError(t, err)
	var patterns []*regexp.Regexp
	for _, found := range regexp.MustCompile(`-test\.run=([^"]+)"`).FindAllStringSubmatch(string(text), -1) {
		patterns = append(patterns, regexp.MustCompile(found[1]))
	}
	return func(name string) bool {
		for _, p := range patterns {
			if p.MatchString(name) {
				return true
			}
		}
		return false
	}
}

// TestFaultTable: each row of the page names tests, and each of them exists
// and is run in VMs.
func TestFaultTable(t *testing.T) {
	text, err := os.ReadFile("docs/faults.md")
	require.NoError(t, err)
	declared, planned, rows := declaredTests(t), plannedTests(t), 0
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if !strings.HasPrefix(line, "| ") || len(cells) != 4 || strings.TrimSpace(cells[3]) == "tests" {
			continue
		}
		rows++
		for name := range strings.SplitSeq(cells[3], ",") {
			name = strings.TrimSpace(name)
			require.True(t, declared[name], "%s is no test of this folder: %s", name, line)
			require.True(t, planned(name), "%s is in no entry of vmtest.json", name)
		}
	}
	require.GreaterOrEqual(t, rows, 20)
}
