package multitenantcgroups_test

import (
	"context"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	mtc "namespaces-cgroups-ebpf/multi-tenant-cgroups"
)

var bigMachine = mtc.Capacity{CPUs: 64, MemoryBytes: 1 << 40, Pids: 4194304}

func examplePolicy(t *testing.T) mtc.Policy {
	t.Helper()
	p, err := mtc.ParsePolicy([]byte(twoTenants))
	require.NoError(t, err)
	return p
}

func TestApply(t *testing.T) {
	tree, p := newFakeTree(), examplePolicy(t)
	report, err := mtc.Apply(context.Background(), tree, p, bigMachine)
	require.NoError(t, err)
	require.Equal(t, []string{
		`write cgroup.subtree_control "+cpu +memory +pids"`,
		`create multi-tenant`,
		`write multi-tenant/cgroup.subtree_control "+cpu +memory +pids"`,
		`create multi-tenant/alpha`,
		`write multi-tenant/alpha/pids.max "20"`,
		`write multi-tenant/alpha/memory.swap.max "0"`,
		`write multi-tenant/alpha/memory.max "67108864"`,
		`write multi-tenant/alpha/cpu.max "50000 100000"`,
		`create multi-tenant/beta`,
	}, tree.log[:9])
	require.Len(t, report.Steps, len(tree.log))

	before := tree.snapshot()
	report, err = mtc.Apply(context.Background(), tree, p, bigMachine)
	require.NoError(t, err)
	require.Empty(t, report.Steps, "applying twice changes nothing")
	require.Equal(t, before, tree.snapshot())
}

func TestApplyRestoresDriftAndDroppedLimits(t *testing.T) {
	tree, p := newFakeTree(), examplePolicy(t)
	_, err := mtc.Apply(context.Background(), tree, p, bigMachine)
	require.NoError(t, err)
	tree.files["multi-tenant/alpha"]["memory.max"] = "max"
	delete(p.Tenants[1].Limits, mtc.CPUMax)
	report, err := mtc.Apply(context.Background(), tree, p, bigMachine)
	require.NoError(t, err)
	require.Equal(t, []mtc.Step{
		{Kind: "write", Cgroup: "multi-tenant/alpha", File: "memory.max", Value: "67108864", Previous: "max", Readback: "67108864"},
		{Kind: "write", Cgroup: "multi-tenant/beta", File: "cpu.max", Value: "max 100000", Previous: "30000 100000", Readback: "max 100000"},
	}, report.Steps)
}

func TestApplyRollsBack(t *testing.T) {
	tests := []struct {
		name string
		set  func(*fakeTree)
		want string
	}{
		{"write refused", func(f *fakeTree) { f.failWrite["multi-tenant/beta/cpu.max"] = syscall.EINVAL }, "invalid argument"},
		{"kernel holds something else", func(f *fakeTree) { f.holds["pids.max"] = "19" }, `wrote "20" but the kernel holds "19"`},
		{"processes in the root", func(f *fakeTree) { f.failWrite["multi-tenant/cgroup.subtree_control"] = syscall.EBUSY }, "move them to a child cgroup"},
		{"no permission", func(f *fakeTree) { f.failWrite["cgroup.subtree_control"] = syscall.EACCES }, "run as root"},
		{"foreign tenant", func(f *fakeTree) {
			f.owners["multi-tenant"] = "multi-tenant-cgroups/v1"
			f.files["multi-tenant"] = map[string]string{"cgroup.subtree_control": "cpu memory pids"}
			f.files["multi-tenant/beta"] = map[string]string{"memory.max": "5"}
		}, "did not make"},
		{"foreign root", func(f *fakeTree) { f.files["multi-tenant"] = map[string]string{} }, "did not make"},
		{"controller missing", func(f *fakeTree) { f.controllers = "cpu pids" }, "memory is not in cgroup.controllers"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tree := newFakeTree()
			tt.set(tree)
			before := tree.snapshot()
			_, err := mtc.Apply(context.Background(), tree, examplePolicy(t), bigMachine)
			require.ErrorContains(t, err, tt.want)
			require.Equal(t, before, tree.snapshot())
		})
	}
	t.Run("interrupted", func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		tree := newFakeTree()
		before := tree.snapshot()
		_, err := mtc.Apply(ctx, tree, examplePolicy(t), bigMachine)
		require.ErrorIs(t, err, context.Canceled)
		require.Equal(t, before, tree.snapshot())
	})
}

func TestApplyAdmission(t *testing.T) {
	p, err := mtc.ParsePolicy([]byte(twoTenants + "admission: refuse\n"))
	require.NoError(t, err)
	tree := newFakeTree()
	_, err = mtc.Apply(context.Background(), tree, p, mtc.Capacity{CPUs: 1, MemoryBytes: 64 << 20, Pids: 1000})
	require.ErrorIs(t, err, mtc.ErrOvercommit)
	require.Empty(t, tree.log)
}

func TestRemove(t *testing.T) {
	tree, p := newFakeTree(), examplePolicy(t)
	_, err := mtc.Apply(context.Background(), tree, p, bigMachine)
	require.NoError(t, err)
	require.NoError(t, tree.Create("multi-tenant/verify-control"))
	p.Tenants = p.Tenants[:1] // beta is of an older policy
	gone, err := mtc.Remove(tree, p)
	require.NoError(t, err)
	require.Equal(t, "multi-tenant/alpha multi-tenant/beta multi-tenant/verify-control multi-tenant", strings.Join(gone, " "))
	gone, err = mtc.Remove(tree, p)
	require.NoError(t, err)
	require.Empty(t, gone)
}

func TestRemoveLeavesForeignCgroups(t *testing.T) {
	tree, p := newFakeTree(), examplePolicy(t)
	_, err := mtc.Apply(context.Background(), tree, p, bigMachine)
	require.NoError(t, err)
	require.NoError(t, tree.Create("multi-tenant/theirs"))
	gone, err := mtc.Remove(tree, p)
	require.ErrorIs(t, err, mtc.ErrForeign)
	require.Len(t, gone, 2)
	require.Contains(t, tree.files, "multi-tenant/theirs")

	tree = newFakeTree()
	require.NoError(t, tree.Create("multi-tenant"))
	_, err = mtc.Remove(tree, p)
	require.ErrorIs(t, err, mtc.ErrForeign)
	require.Contains(t, tree.files, "multi-tenant")
}
