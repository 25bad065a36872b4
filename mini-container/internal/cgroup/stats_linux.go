package cgroup

import (
	"errors"
	"fmt"
	"strconv"

	"golang.org/x/sys/unix"

	"namespaces-cgroups-ebpf/internal/cgroupfs"
)

// Stats reads the counters of the cgroup.
func (g *Group) Stats() (*Stats, error) {
	s := &Stats{}
	for _, read := range []func(*Stats, string) error{readCPU, readMemory, readPids, readIO} {
		// A file that is not there is a controller that is not enabled.
		if err := read(s, g.Dir()); err != nil && !errors.Is(err, unix.ENOENT) {
			return nil, fmt.Errorf("read statistics: %w", err)
		}
	}
	return s, nil
}

func readCPU(s *Stats, dir string) error {
	stat, err := cgroupfs.ReadKeyed(dir, "cpu.stat")
	if err != nil {
		return err
	}
	const perMicrosecond = 1000
	s.CPU = &CPUStats{
		UsageNS: stat["usage_usec"] * perMicrosecond, UserNS: stat["user_usec"] * perMicrosecond,
		SystemNS: stat["system_usec"] * perMicrosecond,
		Periods:  counter(stat, "nr_periods", 1), Throttled: counter(stat, "nr_throttled", 1),
		ThrottledForNS: counter(stat, "throttled_usec", perMicrosecond),
	}
	return nil
}

func counter(stat map[string]uint64, key string, unit uint64) *uint64 {
	n, found := stat[key]
	if !found {
		return nil
	}
	n *= unit
	return &n
}

func readMemory(s *Stats, dir string) error {
	current, err := readNumber(dir, "memory.current")
	if err != nil {
		return err
	}
	m := &MemoryStats{Current: current}
	if m.Events, err = readMemoryEvents(dir); err != nil {
		return err
	}
	for file, into := range map[string]**uint64{
		"memory.peak": &m.Peak, "memory.max": &m.Max, "memory.swap.current": &m.SwapCurrent, "memory.swap.max": &m.SwapMax,
	} {
		if *into, err = readLimit(dir, file); err != nil && !errors.Is(err, unix.ENOENT) {
			return err
		}
	}
	s.Memory = m
	return nil
}

func readMemoryEvents(dir string) (MemoryEvents, error) {
	e, err := cgroupfs.ReadKeyed(dir, "memory.events")
	return MemoryEvents{Low: e["low"], High: e["high"], Max: e["max"], OOM: e["oom"], OOMKill: e["oom_kill"]}, err
}

func readPids(s *Stats, dir string) error {
	current, err := readNumber(dir, "pids.current")
	if err != nil {
		return err
	}
	limit, err := readLimit(dir, "pids.max")
	if err != nil {
		return err
	}
	events, err := cgroupfs.ReadKeyed(dir, "pids.events")
	s.Pids = &PidStats{Current: current, Max: limit, Refused: events["max"]}
	return err
}

func readIO(s *Stats, dir string) error {
	text, err := cgroupfs.Read(dir, "io.stat")
	if err != nil {
		return err
	}
	s.IO, err = parseIO(text)
	return err
}

func readNumber(dir, file string) (uint64, error) {
	text, err := cgroupfs.Read(dir, file)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("parse %s: %w", file, err)
	}
	return n, nil
}

func readLimit(dir, file string) (*uint64, error) {
	text, err := cgroupfs.Read(dir, file)
	if err != nil {
		return nil, err
	}
	return parseLimit(text)
}

// OOM returns nil if the OOM killer ended nothing here.
func (g *Group) OOM() (*OOM, error) {
	events, err := readMemoryEvents(g.Dir())
	if errors.Is(err, unix.ENOENT) {
		return nil, nil // no memory controller, no memory limit
	}
	if err != nil || events.OOMKill == 0 {
		return nil, err
	}
	oom := &OOM{Kills: events.OOMKill, Hits: events.Max}
	if oom.Max, err = readLimit(g.Dir(), "memory.max"); err != nil {
		return nil, err
	}
	if oom.Peak, err = readLimit(g.Dir(), "memory.peak"); err != nil && !errors.Is(err, unix.ENOENT) {
		return nil, err
	}
	return oom, nil
}
