package selftest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestFaultTable: every fault of the suite is in the table of docs/faults.md,
// and the table lists nothing else.
func TestFaultTable(t *testing.T) {
	doc, err := os.ReadFile("../docs/faults.md")
	require.NoError(t, err)
	var listed []string
	for _, row := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(string(doc), -1) {
		listed = append(listed, row[1])
	}
	require.ElementsMatch(t, slices.Collect(maps.Keys(faultsInSource(t))), listed)
}

// faultsInSource are the names of faults and of their tests. The suite itself
// has a build tag.
func faultsInSource(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	files, err := filepath.Glob("fault_*_test.go")
	require.NoError(t, err)
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		require.NoError(t, err)
		for _, decl := range file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && strings.HasPrefix(f.Name.Name, "TestFault") {
				names[f.Name.Name] = true
			}
			if g, ok := decl.(*ast.GenDecl); ok && strings.HasSuffix(name, "guest_test.go") {
				addNames(g, names)
			}
		}
	}
	return names
}

// addNames adds the name field of each element of a table.
func addNames(table ast.Node, names map[string]bool) {
	ast.Inspect(table, func(n ast.Node) bool {
		pair, ok := n.(*ast.KeyValueExpr)
		if !ok {
			return true
		}
		key, named := pair.Key.(*ast.Ident)
		value, text := pair.Value.(*ast.BasicLit)
		if named && text && key.Name == "name" {
			name, _ := strconv.Unquote(value.Value)
			names[name] = true
		}
		return true
	})
}
