package minicontainer

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestTableOfCVEs: each row of docs/cves.md names a test that is there, and
// each test of an attack has a row.
func TestTableOfCVEs(t *testing.T) {
	files, err := filepath.Glob("*_vm_test.go")
	require.NoError(t, err)
	tests := map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, match := range regexp.MustCompile(`(?m)^func (Test\w+)\(`).FindAllStringSubmatch(string(text), -1) {
			tests[match[1]] = true
		}
	}
	text, err := os.ReadFile("docs/cves.md")
	require.NoError(t, err)
	rows := regexp.MustCompile("(?m)^\\| (\\d{4})-(\\d+).*`(Test\\w+)` \\|$").FindAllStringSubmatch(string(text), -1)
	require.Greater(t, len(rows), 15)
	listed := map[string]bool{}
	for _, row := range rows {
		listed[row[3]] = true
		require.True(t, tests[row[3]], "there is no %s", row[3])
	}
	for name := range tests {
		if regexp.MustCompile(`^TestCVE_`).MatchString(name) {
			require.True(t, listed[name], "%s has no row in docs/cves.md", name)
		}
	}
}
