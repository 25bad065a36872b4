package vmtest

import (
	"fmt"

	"namespaces-cgroups-ebpf/internal/report"
	"namespaces-cgroups-ebpf/vmtest/internal/kernels"
	"namespaces-cgroups-ebpf/vmtest/internal/plan"
)

// Shard is the part of a split run that this one is: 1/5 to 5/5. The zero
// value is a run that is not split.
type Shard = report.Shard

// cell is one entry on one kernel: what gets a VM of its own.
type cell struct {
	kernel int // index of the run's kernels
	result int // index of the report's results
	entry  plan.Entry
}

// variant is what a snapshot is taken of: cells of the same one share it.
type variant struct {
	kernel        int
	image, system string
	memoryBytes   int64 // that the entry asks for
}

func (c cell) variant() variant {
	needs := c.entry.Needs
	return variant{kernel: c.kernel, image: needs.Image, system: needs.Init, memoryBytes: needs.MemoryBytes}
}

// cellsOf lists the cells of a run, the cells of a kernel together.
func cellsOf(series []kernels.Series, plans []plan.Plan) []cell {
	var cells []cell
	for i := range series {
		for _, p := range plans {
			for _, e := range p.Entries {
				cells = append(cells, cell{kernel: i, entry: e})
			}
		}
	}
	return cells
}

// checkShard refuses what is no part of anything.
func checkShard(s Shard) error {
	if s != (Shard{}) && (s.Count < 1 || s.Count > maxShards || s.Index < 1 || s.Index > s.Count) {
		return fmt.Errorf("shard %d/%d, want 1/1 to %d/%d", s.Index, s.Count, maxShards, maxShards)
	}
	return nil
}

const maxShards = 1000

// share picks the cells of a shard: whole kernels in turn as long as there is
// one for each shard, since a kernel has to be fetched and booted first; else
// cells in turn.
func share(cells []cell, s Shard, kernelsCount int) []cell {
	if s.Count <= 1 {
		return cells
	}
	var mine []cell
	for i, c := range cells {
		turn := i
		if s.Count <= kernelsCount {
			turn = c.kernel
		}
		if turn%s.Count == s.Index-1 {
			mine = append(mine, c)
		}
	}
	return mine
}

// used keeps the kernels that have cells, and points the cells to them.
func used(series []kernels.Series, cells []cell) ([]kernels.Series, []cell) {
	var kept []kernels.Series
	place := map[int]int{}
	for i := range cells {
		old := cells[i].kernel
		at, ok := place[old]
		if !ok {
			at = len(kept)
			place[old] = at
			kept = append(kept, series[old])
		}
		cells[i].kernel, cells[i].result = at, i
	}
	return kept, cells
}
