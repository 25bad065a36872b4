package cgroup

import (
	"fmt"
	"strconv"
	"strings"
)

// Stats is what the kernel counts of a cgroup. A group of counters whose
// controller is not enabled is nil, a single one that this kernel lacks too:
// nothing is reported as 0 that was not counted.
type Stats struct {
	CPU    *CPUStats    `json:"cpu,omitempty"`
	Memory *MemoryStats `json:"memory,omitempty"`
	Pids   *PidStats    `json:"pids,omitempty"`
	IO     []IOStats    `json:"io,omitempty"` // one per device that was used
}

// CPUStats is cpu.stat. The throttling counters need the cpu controller.
type CPUStats struct {
	UsageNS        uint64  `json:"usage_ns"`
	UserNS         uint64  `json:"user_ns"`
	SystemNS       uint64  `json:"system_ns"`
	Periods        *uint64 `json:"periods_count,omitempty"`
	Throttled      *uint64 `json:"throttled_count,omitempty"`
	ThrottledForNS *uint64 `json:"throttled_ns,omitempty"`
}

// MemoryStats is memory.current and its neighbours. A limit that is not set
// is nil.
type MemoryStats struct {
	Current     uint64       `json:"current_bytes"`
	Peak        *uint64      `json:"peak_bytes,omitempty"` // since 5.19
	Max         *uint64      `json:"max_bytes,omitempty"`
	SwapCurrent *uint64      `json:"swap_current_bytes,omitempty"`
	SwapMax     *uint64      `json:"swap_max_bytes,omitempty"`
	Events      MemoryEvents `json:"events"`
}

// MemoryEvents is memory.events: how often each happened here or below.
type MemoryEvents struct {
	Low     uint64 `json:"low_count"`
	High    uint64 `json:"high_count"`
	Max     uint64 `json:"max_count"`
	OOM     uint64 `json:"oom_count"`
	OOMKill uint64 `json:"oom_kill_count"` // processes that the OOM killer ended
}

// PidStats is pids.current and its neighbours.
type PidStats struct {
	Current uint64  `json:"current_count"`
	Max     *uint64 `json:"max_count,omitempty"`
	Refused uint64  `json:"refused_count"` // forks, by pids.events
}

// IOStats is one line of io.stat.
type IOStats struct {
	Device     string `json:"device"` // "254:0"
	ReadBytes  uint64 `json:"read_bytes"`
	WriteBytes uint64 `json:"write_bytes"`
	Reads      uint64 `json:"reads_count"`
	Writes     uint64 `json:"writes_count"`
}

// OOM is the kernel's account of memory that ran out. Take it before Remove.
type OOM struct {
	Kills uint64  `json:"kills_count"`         // processes of the cgroup that the OOM killer ended
	Hits  uint64  `json:"limit_hits_count"`    // times that memory.max was reached
	Max   *uint64 `json:"max_bytes,omitempty"` // memory.max; none if the machine ran out
	Peak  *uint64 `json:"peak_bytes,omitempty"`
}

// parseIO reads io.stat, "254:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0
// dios=0". A device without counters, which the kernel lists too, is left out.
func parseIO(text string) ([]IOStats, error) {
	var all []IOStats
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		s := IOStats{Device: fields[0]}
		if err := s.parse(fields[1:]); err != nil {
			return nil, fmt.Errorf("parse io.stat line %q: %w", strings.TrimSpace(line), err)
		}
		all = append(all, s)
	}
	return all, nil
}

func (s *IOStats) parse(fields []string) error {
	into := map[string]*uint64{"rbytes": &s.ReadBytes, "wbytes": &s.WriteBytes, "rios": &s.Reads, "wios": &s.Writes}
	for _, field := range fields {
		key, value, _ := strings.Cut(field, "=")
		counter, known := into[key]
		if !known {
			continue // discards; and cost.* where iocost runs
		}
		n, err := strconv.ParseUint(value, 10, 64)
		if err != nil {
			return err
		}
		*counter = n
	}
	return nil
}

// parseLimit reads a limit: a number, or "max" for none.
func parseLimit(text string) (*uint64, error) {
	if text == "max" {
		return nil, nil
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("parse limit: %w", err)
	}
	return &n, nil
}
