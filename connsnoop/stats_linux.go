package connsnoop

import (
	"fmt"

	"github.com/cilium/ebpf"
)

// Stats reads the counters. They are exact after Detach.
func (t *Tracer) Stats() (Stats, error) {
	counters := make([]uint64, counterCount)
	for i := range counters {
		var perCPU []uint64
		if err := t.objects.Counters.Lookup(uint32(i), &perCPU); err != nil {
			return Stats{}, fmt.Errorf("read counter %d: %w", i, err)
		}
		for _, n := range perCPU {
			counters[i] += n
		}
	}
	live, err := countKeys(t.objects.Live)
	if err != nil {
		return Stats{}, err
	}
	return statsOf(counters, live), nil
}

func countKeys(m *ebpf.Map) (n uint64, err error) {
	var key uint64
	value := make([]byte, m.ValueSize())
	entries := m.Iterate()
	for entries.Next(&key, &value) {
		n++
	}
	if err := entries.Err(); err != nil {
		return 0, fmt.Errorf("count live connections: %w", err)
	}
	return n, nil
}
