package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestKernelObjects(t *testing.T) {
	proc, cgroups := t.TempDir(), t.TempDir()
	require.Empty(t, kernelObjects(proc, cgroups), "what a kernel does not show is not counted")
	slabs := "slabinfo - version: 2.1\n# name <active_objs> <num_objs>\nnet_namespace 14 28 4352 7 8 : tunables 0\n"
	require.NoError(t, os.WriteFile(filepath.Join(proc, "slabinfo"), []byte(slabs), 0o600))
	stat := "nr_descendants 7\nnr_dying_descendants 3\n"
	require.NoError(t, os.WriteFile(filepath.Join(cgroups, "cgroup.stat"), []byte(stat), 0o600))
	require.Equal(t, map[string]int{"network namespaces in slabs": 14, "dying cgroups": 3}, kernelObjects(proc, cgroups))
}

func TestGrown(t *testing.T) {
	for name, tt := range map[string]struct {
		before, after, runs int
		want                []string
	}{
		"fewer":            {5, 0, 1000, []string{}},
		"a slab more":      {0, 14, 20, []string{}},
		"few of many runs": {14, 200, 1000, []string{}},
		"one from each":    {14, 1014, 1000, []string{"1000 more"}},
		"every second":     {0, 100, 200, []string{"100 more"}},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, tt.want, grown(tt.before, tt.after, tt.runs)) })
	}
}
