package connsnoop

import (
	"fmt"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
)

// Stats reads the counters. They are exact after Detach.
func (t *Tracer) Stats() (Stats, error) {
	counters := make([]uint64, len((&Stats{}).counters()))
	for i := range counters {
		var perCPU []uint64
		if err := t.objects.Maps[probesMapCounters].Lookup(uint32(i), &perCPU); err != nil {
			return Stats{}, fmt.Errorf("read counter %d: %w", i, err)
		}
		for _, n := range perCPU {
			counters[i] += n
		}
	}
	live, err := countLive(t.objects.Maps[probesMapLive])
	if err != nil {
		return Stats{}, err
	}
	stats := statsOf(counters, live)
	t.skipped(&stats)
	return stats, nil
}

// countLive leaves out what is recorded but could not be deleted.
func countLive(m *ebpf.Map) (n uint64, err error) {
	var key uint64
	value := make([]byte, m.ValueSize())
	entries := m.Iterate()
	for entries.Next(&key, &value) {
		if value[unsafe.Offsetof(rawConn{}.Flags)]&flagDead == 0 {
			n++
		}
	}
	if err := entries.Err(); err != nil {
		return 0, fmt.Errorf("count live connections: %w", err)
	}
	return n, nil
}

// skipped adds what the kernel itself counts, where it does: missed hits of
// kprobes since 6.7, recursion since 5.12. After Detach it is what was last read.
func (t *Tracer) skipped(stats *Stats) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if !t.detached {
		t.missed, t.recursion = t.countSkipped()
	}
	stats.Missed, stats.Recursion = t.missed, t.recursion
}

func (t *Tracer) countSkipped() (missed, recursion uint64) {
	for _, l := range t.links {
		missed += missedBy(l)
	}
	for _, prog := range t.objects.Programs {
		if stats, err := prog.Stats(); err == nil {
			recursion += stats.RecursionMisses
		}
	}
	return missed, recursion
}

func missedBy(l link.Link) uint64 {
	info, err := l.Info()
	if err != nil {
		return 0
	}
	if multi := info.KprobeMulti(); multi != nil {
		return multi.Missed
	}
	if event := info.PerfEvent(); event != nil {
		if kprobe := event.Kprobe(); kprobe != nil {
			return kprobe.Missed
		}
	}
	return 0
}
