//go:build vmtest && linux

package multitenantcgroups_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestVMApply checks what apply and remove do against the kernel's files.
func TestVMApply(t *testing.T) {
	v := newVM(t)
	before := tree(t)

	foreign := v.path()
	require.NoError(t, os.Mkdir(foreign, 0o755))
	code, _ := v.run("apply")
	require.Equal(t, 1, code, "a cgroup of that name is somebody else's")
	code, _ = v.run("remove")
	require.Equal(t, 1, code)
	require.DirExists(t, foreign)
	require.NoError(t, os.Remove(foreign))

	artifact(t, "apply.json", v.must("apply", "--json"))
	for _, tenant := range v.tenants {
		dir := v.path(tenant.name)
		require.Equal(t, fmt.Sprint(tenant.memory), v.read(dir, "memory.max"))
		require.Equal(t, "0", v.read(dir, "memory.swap.max"))
		require.Equal(t, fmt.Sprint(tenant.pids), v.read(dir, "pids.max"))
		require.Equal(t, fmt.Sprintf("%d 100000", tenant.quota), v.read(dir, "cpu.max"))
	}
	require.Contains(t, v.must("apply"), "applied: 0 changes")

	// A refusal half-way puts everything back: the kernel takes no second
	// cgroup once max.descendants is reached.
	red, blue := v.path(v.tenants[0].name), v.path(v.tenants[1].name)
	require.NoError(t, os.Remove(blue))
	require.NoError(t, os.WriteFile(filepath.Join(red, "pids.max"), []byte("5"), 0))
	require.NoError(t, os.WriteFile(v.path("cgroup.max.descendants"), []byte("1"), 0))
	code, _ = v.run("apply")
	require.Equal(t, 1, code)
	require.Equal(t, "5", v.read(red, "pids.max"), "rolled back")
	require.NoDirExists(t, blue)

	process := v.shell(red, "exec sleep 1000")
	v.must("remove")
	require.Error(t, process.Wait(), "remove kills what is inside")
	require.Equal(t, before, tree(t))
	v.must("remove")
}
