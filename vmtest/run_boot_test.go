package vmtest

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/internal/report"
	"namespaces-cgroups-ebpf/vmtest/internal/plan"
)

// twoCells is a run of which two cells wait for the same VM to come up.
func twoCells(t *testing.T) (*runner, *cellRun) {
	r := testRunner(t)
	r.plans[0].Entries[1].Needs.Features = nil
	r.cells[1].entry.Needs.Features = nil
	c := opened(t, r)
	c.assets[c.variant()] = &assets{}
	return r, c
}

// TestBootIsTriedTwice: a kernel that does not come up is tried once more, and
// its other cells are not: that would be the same again and again.
func TestBootIsTriedTwice(t *testing.T) {
	r, c := twoCells(t)
	tried := 0
	r.bootVM = func(context.Context, *assets) (*VM, error) {
		tried++
		return nil, &bootError{err: errors.New("no answer"), console: []byte("[    0.5] Kernel panic - not syncing: VFS\n"), reason: "guest-reset"}
	}
	c.runCell(t.Context(), c.cell)
	_, more := r.queue.take(t.Context())
	require.False(t, more)
	require.Equal(t, 2, tried)
	require.NoError(t, r.write())
	rep := written(t, r)
	require.Equal(t, "infra infra", outcomes(rep))
	for _, result := range rep.Results {
		require.Contains(t, result.Reason, "kernel panic before init: Kernel panic - not syncing: VFS")
		require.Equal(t, "boot", result.FailedStage)
	}
	require.Equal(t, []string{"[    0.5] Kernel panic - not syncing: VFS"}, rep.Results[0].ConsoleTail)
	row := rep.Kernels[0]
	require.Equal(t, report.Infra, row.Outcome)
	require.Equal(t, 2, row.AttemptsCount)
	require.Len(t, row.FailedAttempts, 2)
	require.FileExists(t, r.Out+"/5.10/bpf-tour/list/console-boot-1.log")
	require.Equal(t, "5.10/bpf-tour/list/console-boot-2.log", row.ConsoleLog)
}

// TestInterruptedBoot: nobody is to blame, and nobody waits for ever.
func TestInterruptedBoot(t *testing.T) {
	r, c := twoCells(t)
	ctx, cancel := context.WithCancel(t.Context())
	r.bootVM = func(context.Context, *assets) (*VM, error) {
		cancel()
		return nil, context.Canceled
	}
	c.runCell(ctx, c.cell)
	_, more := r.queue.take(ctx)
	require.False(t, more)
	r.finish(ctx)
	require.NoError(t, r.write())
	rep := written(t, r)
	require.Equal(t, "lost lost", outcomes(rep))
	require.Equal(t, "never ran: interrupted", rep.Results[0].Reason)
	require.Empty(t, rep.Kernels[0].FailedAttempts)
}

// TestVariantsShareAKernel: the kernel's own part is made once.
func TestVariantsShareAKernel(t *testing.T) {
	r, c := twoCells(t)
	base := &assets{modulesDisk: "modules.ext4"}
	c.base, c.images["peers"] = base, &assets{config: Config{Image: "peers"}}
	c.entry.Needs.Image, c.entry.Needs.Init = "peers", plan.InitSystemd
	a, err := c.assetsFor(t.Context(), c.cell)
	require.NoError(t, err)
	require.Equal(t, "modules.ext4", a.modulesDisk)
	require.Equal(t, "peers", a.config.Image)
	require.Equal(t, plan.InitSystemd, a.config.System)
	again, err := c.assetsFor(t.Context(), c.cell)
	require.NoError(t, err)
	require.Same(t, a, again)
	_ = r
}

// TestMemoryOfAnEntry: what an entry asks for is the least that it gets, and
// it shares no snapshot with those that ask for less.
func TestMemoryOfAnEntry(t *testing.T) {
	_, c := twoCells(t)
	c.base, c.images["peers"] = &assets{}, &assets{config: Config{MemoryBytes: 2 << 30}}
	c.entry.Needs.Image = "peers"
	memory := func(asked int64) int64 {
		c.entry.Needs.MemoryBytes = asked
		a, err := c.assetsFor(t.Context(), c.cell)
		require.NoError(t, err)
		return a.config.MemoryBytes
	}
	require.EqualValues(t, 2<<30, memory(0))
	require.EqualValues(t, 4<<30, memory(4<<30))
	require.EqualValues(t, 2<<30, memory(1<<30))
}
