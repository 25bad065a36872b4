package connsnoop

import (
	"fmt"
	"time"
)

// Aggregates reads the sums by name, port, cgroup and direction, those with
// the most payload first. They are exact after Detach.
func (t *Tracer) Aggregates() ([]Aggregate, error) {
	var (
		key     rawAggregateKey
		perCPU  []rawAggregate
		all     []Aggregate
		entries = t.objects.Maps[probesMapAggregates].Iterate()
	)
	for entries.Next(&key, &perCPU) {
		a, err := aggregateOf(key, perCPU)
		if err != nil {
			return nil, fmt.Errorf("read aggregates: %w", err)
		}
		a.Cgroup.Path = t.cgroupPath(a.Cgroup.ID)
		all = append(all, a)
	}
	if err := entries.Err(); err != nil {
		return nil, fmt.Errorf("read aggregates: %w", err)
	}
	sortAggregates(all)
	return all, nil
}

// Report reads all statistics of a tracer that was started at a time. Call it
// after Detach: the numbers add up then.
func (t *Tracer) Report(started time.Time) (StatsReport, error) {
	took := time.Since(started)
	stats, err := t.Stats()
	if err != nil {
		return StatsReport{}, err
	}
	sums, err := t.Aggregates()
	if err != nil {
		return StatsReport{}, err
	}
	return newReport(t.backend, t.reason, started, took, stats, sums), nil
}
