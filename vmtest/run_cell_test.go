package vmtest

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/vmtest/internal/kernels"
	"namespaces-cgroups-ebpf/vmtest/internal/plan"
)

// someCells are of two entries on so many kernels.
func someCells(kernelsCount int) ([]kernels.Series, []cell) {
	var series []kernels.Series
	for i := range kernelsCount {
		series = append(series, kernels.Series{Series: fmt.Sprint("6.", i)})
	}
	return series, cellsOf(series, []plan.Plan{{Entries: []plan.Entry{{Deliverable: "d", ID: "a"}, {Deliverable: "d", ID: "b"}}}})
}

// TestShards: all shards together are all cells, each once.
func TestShards(t *testing.T) {
	for _, kernelsCount := range []int{1, 2, 5} {
		for count := 1; count <= 12; count++ {
			t.Run(fmt.Sprintf("%d kernels %d shards", kernelsCount, count), func(t *testing.T) {
				series, all := someCells(kernelsCount)
				seen := map[string]int{}
				for index := 1; index <= count; index++ {
					_, cells := someCells(kernelsCount)
					names, mine := used(series, share(cells, Shard{Index: index, Count: count}, kernelsCount))
					for i, c := range mine {
						seen[names[c.kernel].Series+"/"+c.entry.ID]++
						require.Equal(t, i, c.result)
					}
					if count <= kernelsCount {
						require.Len(t, mine, 2*len(names), "a kernel is not split without need")
					}
				}
				require.Len(t, seen, len(all))
				for name, n := range seen {
					require.Equal(t, 1, n, name)
				}
			})
		}
	}
}

func TestCheckShard(t *testing.T) {
	for _, good := range []Shard{{}, {Index: 1, Count: 1}, {Index: 5, Count: 5}} {
		require.NoError(t, checkShard(good))
	}
	for _, bad := range []Shard{{Index: 0, Count: 2}, {Index: 3, Count: 2}, {Index: -1, Count: -1}, {Index: 1, Count: 0}, {Index: 1, Count: maxShards + 1}} {
		require.ErrorContains(t, checkShard(bad), "want 1/1 to")
	}
}

func TestKernelArg(t *testing.T) {
	tests := map[string]string{
		"":                               "6.12",
		"host":                           "host",
		"./bzImage,modules=mods":         "./bzImage,modules=mods",
		"https://x.example/k#sha256=abc": "'https://x.example/k#sha256=abc'",
		"/home/me/bzImage":               "6.12",
		"deb:/home/me/a.deb":             "6.12",
		"./bzImage,modules=/home/me/m":   "6.12",
		"it's":                           "6.12",
	}
	for spec, want := range tests {
		require.Equal(t, want, kernelArg(kernels.Series{Series: "6.12", Spec: spec}), spec)
	}
}
