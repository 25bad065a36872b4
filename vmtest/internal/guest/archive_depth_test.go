package guest

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/vmtest/internal/wire"
)

// TestArchiveDepth: a tree that would take minutes to read is refused at once.
func TestArchiveDepth(t *testing.T) {
	dir := t.TempDir()
	deepest := filepath.Join(dir, strings.Repeat("d/", maxDepth-1))
	require.NoError(t, os.MkdirAll(deepest, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(deepest, "f"), []byte("x"), 0o644))
	end, err := archive(io.Discard, wire.Get{Path: dir})
	require.NoError(t, err)
	require.Equal(t, 1, end.FileCount)
	require.NoError(t, os.MkdirAll(filepath.Join(deepest, "d", "d"), 0o755))
	_, err = archive(io.Discard, wire.Get{Path: dir})
	require.ErrorContains(t, err, "nested more than 32 deep")
}
