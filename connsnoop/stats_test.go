package connsnoop

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestStatsCheck(t *testing.T) {
	good := statsOf([]uint64{20, 10, 7, 3, 2, 1, 1, 2, 1}, 3)
	tests := []struct {
		name, wantErr string
		change        func(*Stats)
	}{
		{"good", "", func(*Stats) {}},
		{"forgotten socket", "opened=21", func(s *Stats) { s.Opened++ }},
		{"lost record", "closed=10, but", func(s *Stats) { s.Submitted-- }},
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
	require.EqualValues(t, 4, good.Lost())
	require.Equal(t, "opened=20 closed=10 submitted=7 failed=3 replaced=2 live=3"+
		" map_full=1 map_busy=1 ring_full=2 filtered=1", good.String())
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
