package plan_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/vmtest/internal/plan"
)

// TestRepository holds the plans of this repository to the rules, so that a
// fault shows in unit tests and not after five boots.
func TestRepository(t *testing.T) {
	root := filepath.Join("..", "..", "..")
	files, err := filepath.Glob(filepath.Join(root, "*", plan.File))
	require.NoError(t, err)
	for _, file := range files {
		folder := filepath.Base(filepath.Dir(file))
		t.Run(folder, func(t *testing.T) {
			data, err := os.ReadFile(file)
			require.NoError(t, err)
			_, err = plan.Parse(folder, data)
			require.NoError(t, err)
		})
	}
}
