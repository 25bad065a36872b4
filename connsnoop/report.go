package connsnoop

import "time"

// StatsSchema names the JSON form of a StatsReport: schemas/conn-stats.v1.schema.json.
const StatsSchema = "conn-stats/v1"

// StatsReport is what was counted from the start to the end of a Tracer.
type StatsReport struct {
	Schema     string            `json:"schema"`
	OK         bool              `json:"ok"` // no record was lost, and the numbers add up
	Lost       uint64            `json:"lost_count"`
	Backend    Backend           `json:"backend"`
	Reason     string            `json:"backend_reason"`
	StartedAt  string            `json:"started_at"`
	Duration   int64             `json:"duration_ns"`
	Counters   map[string]uint64 `json:"counters"`
	Identities []Balance         `json:"identities"`
	Aggregates []Aggregate       `json:"aggregates"`
	Stats      Stats             `json:"-"` // what Counters says by name
}

// newReport puts together what a tracer counted.
func newReport(backend Backend, reason string, started time.Time, took time.Duration, s Stats, sums []Aggregate) StatsReport {
	r := StatsReport{
		Schema: StatsSchema, Backend: backend, Reason: reason,
		StartedAt: started.UTC().Format(time.RFC3339Nano), Duration: int64(took),
		Lost: s.Lost(), Counters: map[string]uint64{}, Identities: s.Balances(), Aggregates: sums, Stats: s,
	}
	if sums == nil {
		r.Aggregates = []Aggregate{}
	}
	for _, c := range s.Counters() {
		r.Counters[c.Name+"_count"] = c.Value
	}
	r.OK = r.Lost == 0 && s.Check() == nil
	return r
}
