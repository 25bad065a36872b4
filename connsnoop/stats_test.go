package connsnoop

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestStatsCheck(t *testing.T) {
	good := statsOf([]uint64{20, 14, 3, 9, 2, 1, 1, 1, 1, 0, 1, 2, 4, 5, 6, 7, 8, 9, 10, 11}, 3)
	tests := []struct {
		name, wantErr string
		change        func(*Stats)
	}{
		{"good", "", func(*Stats) {}},
		{"forgotten connection", "opened = closed + live + map_full + map_busy, but they are 21 and 20", func(s *Stats) { s.Opened++ }},
		{"lost record", "but they are 14 and 13", func(s *Stats) { s.Submitted-- }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			stats := good
			tt.change(&stats)
			if tt.wantErr == "" {
				require.NoError(t, stats.Check())
				return
			}
			require.ErrorContains(t, stats.Check(), tt.wantErr)
		})
	}
	require.EqualValues(t, 7, good.Lost())
	require.Equal(t, "opened=20 closed=14 failed=3 submitted=9 live=3"+
		" map_full=1 map_busy=2 ring_full=2 filtered=1 ignored=7 missed_end=2"+
		" seeded=4 late=5 unseen=6 delete_busy=1 missed=0 recursion=0", good.String())
}

func TestOptionsCheck(t *testing.T) {
	tests := []struct {
		name string
		ring uint32
		ok   bool
	}{
		{"default", 0, true},
		{"large", 1 << 24, true},
		{"no power of two", 3 << 20, false},
		{"less than a page", 1 << 10, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			require.Equal(t, tt.ok, Options{RingBytes: tt.ring}.check() == nil)
		})
	}
}
