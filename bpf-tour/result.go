package bpftour

// SchemaName is the schema of a Result.
const SchemaName = "recipe-result/v1"

// EndedBy says why the tracing ended.
type EndedBy string

// The reasons for the end of tracing.
const (
	EndedByDuration EndedBy = "duration" // the time box was over
	EndedByStop     EndedBy = "stop"     // the user ended it early (SIGINT, SIGTERM)
	EndedByBpftrace EndedBy = "bpftrace" // bpftrace ended by itself
)

// Result is recipe-result/v1: everything one run of a recipe has shown. The
// schema documents each field.
type Result struct {
	Schema          string           `json:"schema"`
	Recipe          string           `json:"recipe"`
	RecipeSHA256    string           `json:"recipe_sha256"`
	BpftraceVersion string           `json:"bpftrace_version"`
	Kernel          string           `json:"kernel"`
	StartedAt       string           `json:"started_at"`  // RFC 3339, UTC: when the probes were attached
	AttachNS        int64            `json:"attach_ns"`   // from the start of bpftrace to StartedAt
	DurationNS      int64            `json:"duration_ns"` // from StartedAt to the end of tracing
	EndedBy         EndedBy          `json:"ended_by"`
	ProbesCount     uint64           `json:"probes_count"`
	Complete        bool             `json:"complete"` // nothing is known to be missing
	Incomplete      []string         `json:"incomplete_reasons"`
	Empty           bool             `json:"empty"` // neither events nor samples: legitimate, but easily a mistake
	LostCount       uint64           `json:"lost_count"`
	DroppedCount    uint64           `json:"dropped_count"`
	MalformedCount  uint64           `json:"malformed_count"`
	Columns         []Column         `json:"columns"`
	Events          []map[string]any `json:"events"`
	Histograms      []Histogram      `json:"histograms"`
	Warnings        []string         `json:"warnings"`
}

// Histogram is one histogram of a result, one per key.
type Histogram struct {
	Name        string           `json:"name"`
	Unit        string           `json:"unit"`
	Key         map[string]any   `json:"key"`
	SampleCount uint64           `json:"sample_count"`
	Buckets     []map[string]any `json:"buckets"` // min_<unit>, max_<unit>, sample_count; closed intervals
}
