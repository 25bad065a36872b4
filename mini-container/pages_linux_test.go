package minicontainer

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/mini-container/internal/record"
)

// TestPages: every manual page that a student is sent to has been looked up,
// with its section, and no page is in the list for nothing.
func TestPages(t *testing.T) {
	text, err := os.ReadFile("testdata/pages.txt")
	require.NoError(t, err)
	known := slices.DeleteFunc(strings.Split(strings.TrimSpace(string(text)), "\n"), func(line string) bool { return strings.HasPrefix(line, "#") })
	named := map[string]bool{}
	for _, s := range Steps() {
		named[s.Man] = true
	}
	for _, info := range record.Catalogue() {
		named[info.Man] = true
	}
	for _, man := range []string{"cgroups(7)", "proc(5)"} { // of writes, whatever the file
		named[man] = true
	}
	require.ElementsMatch(t, known, slices.Collect(maps.Keys(named)))
}
