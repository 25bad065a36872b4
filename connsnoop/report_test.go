package connsnoop

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/schemas"
)

func someStats() Stats {
	return Stats{Opened: 5, Closed: 4, Failed: 1, Live: 1, Submitted: 4, Seeded: 1}
}

func TestReport(t *testing.T) {
	web := Aggregate{Comm: "nginx", Port: 443, Direction: Accept, Cgroup: Cgroup{7, "/system.slice/nginx.service"}, Opened: 2, Closed: 2, TxBytes: 9}
	tests := []struct {
		name   string
		change func(*Stats)
		sums   []Aggregate
		ok     bool
		lost   uint64
	}{
		{"good", func(*Stats) {}, []Aggregate{web, {Direction: Connect}}, true, 0},
		{"nothing", func(s *Stats) { *s = Stats{} }, nil, true, 0},
		{"ring full", func(s *Stats) { s.Submitted, s.RingFull = 3, 1 }, nil, false, 1},
		{"forgotten", func(s *Stats) { s.Opened++ }, nil, false, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			stats := someStats()
			tt.change(&stats)
			r := newReport(BackendFentry, "the best there is", time.Unix(1_795_222_337, 0), time.Second, stats, tt.sums)
			require.Equal(t, tt.ok, r.OK)
			require.Equal(t, tt.lost, r.Lost)
			require.Equal(t, stats.Opened, r.Counters["opened_count"])
			document, err := json.Marshal(r)
			require.NoError(t, err)
			require.Empty(t, schemas.Validate(StatsSchema, document), "%s", document)
		})
	}
}

// TestCountersAreComplete: each number of Stats is told, once.
func TestCountersAreComplete(t *testing.T) {
	var s Stats
	told := map[string]bool{}
	for _, c := range s.Counters() {
		require.False(t, told[c.Name], c.Name)
		told[c.Name] = true
	}
	require.Len(t, told, len(s.counters())+len([]string{"live", "map_busy", "missed", "recursion"}))
}

func TestAggregates(t *testing.T) {
	key := rawAggregateKey{CgroupID: 7, Comm: [commLength]byte{'a'}, Port: 80, Direction: 2}
	a, err := aggregateOf(key, []rawAggregate{{1, 2, 3, 4, 5}, {10, 20, 30, 40, 50}})
	require.NoError(t, err)
	require.Equal(t, Aggregate{"a", 80, Accept, Cgroup{ID: 7}, 11, 22, 33, 44, 55}, a)

	_, err = aggregateOf(rawAggregateKey{Direction: 9}, nil)
	require.ErrorContains(t, err, "unknown")

	all := []Aggregate{{Comm: "b"}, {Comm: "a", Opened: 1}, {Comm: "a"}, {Comm: "c", RxBytes: 1}}
	sortAggregates(all)
	require.Equal(t, []Aggregate{{Comm: "c", RxBytes: 1}, {Comm: "a", Opened: 1}, {Comm: "a"}, {Comm: "b"}}, all)
}
