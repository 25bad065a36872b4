package image

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// goModule is a directory with a module.
func goModule(t *testing.T, mod, sum string) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte(mod), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.sum"), []byte(sum), 0o644))
	return dir
}

func TestFindGo(t *testing.T) {
	dir := goModule(t, "// a module\nmodule example.org/m\n\ngo 1.21\n", "")
	below := filepath.Join(dir, "a", "b")
	require.NoError(t, os.MkdirAll(below, 0o755))
	g, err := FindGo(t.Context(), below)
	require.NoError(t, err)
	require.Equal(t, "example.org/m", g.Module)
	require.True(t, strings.HasPrefix(g.Version, "go1."), g.Version)
	require.FileExists(t, filepath.Join(g.root, "bin", "go"))

	other, err := FindGo(t.Context(), goModule(t, "module example.org/m\n\ngo 1.21\n", "x v1.0.0 h1:\n"))
	require.NoError(t, err)
	require.NotEqual(t, Builder(g).Hash(), Builder(other).Hash())

	again, err := FindGo(t.Context(), goModule(t, "// a module\nmodule example.org/m\n\ngo 1.21\n", ""))
	require.NoError(t, err)
	require.Equal(t, Builder(g).Hash(), Builder(again).Hash(), "the directory is not part of the recipe")
}

func TestFindGoFailures(t *testing.T) {
	_, err := FindGo(t.Context(), t.TempDir())
	require.ErrorContains(t, err, "no go.mod in")
	_, err = FindGo(t.Context(), goModule(t, "go 1.21\n", ""))
	require.ErrorContains(t, err, "names no module")
	t.Setenv("PATH", t.TempDir())
	_, err = FindGo(t.Context(), ".")
	require.ErrorContains(t, err, "find Go: not installed")
}

func TestModulePath(t *testing.T) {
	require.Equal(t, "example.org/m", modulePath([]byte("// module x\n module \"example.org/m\"\n")))
	require.Empty(t, modulePath([]byte("go 1.26\n")))
}
