package bench

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Schema is the schema of Report.
const Schema = "bench/v1"

// Report is one run of a benchmark.
type Report struct {
	Schema     string    `json:"schema"`
	Name       string    `json:"name"` // of what was measured
	StartedAt  time.Time `json:"started_at"`
	DurationNS int64     `json:"duration_ns"`
	Machine    Machine   `json:"machine"`
	Series     []Series  `json:"series"`
	Ratios     []Ratio   `json:"ratios"`
	Sizes      []Size    `json:"sizes,omitempty"`
	Leaks      []Leak    `json:"leaks,omitempty"`
}

// Series is what one thing took, time after time.
type Series struct {
	Name     string  `json:"name"`
	Variant  string  `json:"variant"`    // what it was measured on; "" if there is one only
	Method   string  `json:"method"`     // from when to when, in one sentence
	Samples  []int64 `json:"samples_ns"` // in the order they were taken
	MinNS    int64   `json:"min_ns"`
	MedianNS int64   `json:"median_ns"`
	MaxNS    int64   `json:"max_ns"`
	// WorkBytes is what one sample moved; 0 if moving is not what it does.
	WorkBytes int64 `json:"work_bytes,omitempty"`
	// TargetNS is what the median must not exceed; 0 is no target.
	TargetNS int64 `json:"target_ns,omitempty"`
	// SkipReason tells why there are no samples; "" if there are.
	SkipReason string `json:"skip_reason,omitempty"`
}

// Ratio compares two series of one variant.
type Ratio struct {
	Name        string    `json:"name"`
	Variant     string    `json:"variant"`
	Numerator   string    `json:"numerator"` // names of series
	Denominator string    `json:"denominator"`
	Pairs       []float64 `json:"pairs_ratio"`
	Min         float64   `json:"min_ratio"`
	Median      float64   `json:"median_ratio"`
	Max         float64   `json:"max_ratio"`
	// Target is what the median must not exceed; 0 is no target.
	Target float64 `json:"target_ratio,omitempty"`
}

// Size is how much memory something took.
type Size struct {
	Name    string `json:"name"`
	Variant string `json:"variant"`
	Method  string `json:"method"`
	Bytes   int64  `json:"size_bytes"`
	// Target is what it must not exceed; 0 is no target.
	Target int64 `json:"target_bytes,omitempty"`
	// SkipReason tells why Bytes is 0; "" if it is not.
	SkipReason string `json:"skip_reason,omitempty"`
}

// Leak is what many runs have left of one kind of thing, which should be
// nothing.
type Leak struct {
	Name    string   `json:"name"`
	Variant string   `json:"variant"`
	Runs    int      `json:"runs_count"`
	Before  int      `json:"before_count"` // how many there were before the runs
	Left    []string `json:"left"`         // what is there and was not
}

// NewSeries sums up samples, of which there must be one at least.
func NewSeries(name, variant, method string, samples []time.Duration) Series {
	s := Series{Name: name, Variant: variant, Method: method, Samples: []int64{}}
	for _, d := range samples {
		s.Samples = append(s.Samples, d.Nanoseconds())
	}
	s.MinNS, s.MedianNS, s.MaxNS = spread(s.Samples)
	return s
}

// Skipped is a series that was not measured.
func Skipped(name, variant, method, reason string) Series {
	return Series{Name: name, Variant: variant, Method: method, Samples: []int64{}, SkipReason: reason}
}

// errUnpaired is two series that cannot be compared pair by pair.
var errUnpaired = errors.New("need as many samples of both, and one at least")

// Compare divides the samples of a by those of b.
func Compare(a, b Series, target float64) (Ratio, error) {
	r := Ratio{Name: a.Name + " / " + b.Name, Variant: a.Variant, Numerator: a.Name, Denominator: b.Name, Target: target}
	if len(a.Samples) != len(b.Samples) || len(a.Samples) == 0 || a.Variant != b.Variant {
		return r, fmt.Errorf("compare %s: %w", r.Name, errUnpaired)
	}
	for i := range a.Samples {
		r.Pairs = append(r.Pairs, float64(a.Samples[i])/float64(b.Samples[i]))
	}
	r.Min, r.Median, r.Max = spread(r.Pairs)
	return r, nil
}

// Missed lists the targets that were not reached, for people.
func (r Report) Missed() []string {
	var missed []string
	for _, s := range r.Series {
		if s.TargetNS > 0 && s.MedianNS > s.TargetNS {
			missed = append(missed, fmt.Sprintf("%s: %v, at most %v wanted", title(s.Name, s.Variant), time.Duration(s.MedianNS), time.Duration(s.TargetNS)))
		}
	}
	for _, x := range r.Ratios {
		if x.Target > 0 && x.Median > x.Target {
			missed = append(missed, fmt.Sprintf("%s: %.3f, at most %.3f wanted", title(x.Name, x.Variant), x.Median, x.Target))
		}
	}
	for _, s := range r.Sizes {
		if s.SkipReason != "" {
			missed = append(missed, title(s.Name, s.Variant)+": "+s.SkipReason)
		} else if s.Target > 0 && s.Bytes > s.Target {
			missed = append(missed, fmt.Sprintf("%s: %d bytes, at most %d wanted", title(s.Name, s.Variant), s.Bytes, s.Target))
		}
	}
	for _, l := range r.Leaks {
		if len(l.Left) > 0 {
			missed = append(missed, fmt.Sprintf("%s: %d are left after %d runs, such as %s", title(l.Name, l.Variant), len(l.Left), l.Runs, l.Left[0]))
		}
	}
	return missed
}

// spread returns the least, the middle (of two, their mean) and the greatest.
func spread[N int64 | float64](samples []N) (least, median, most N) {
	sorted := slices.Sorted(slices.Values(samples))
	n := len(sorted)
	if n == 0 {
		return 0, 0, 0
	}
	return sorted[0], (sorted[(n-1)/2] + sorted[n/2]) / 2, sorted[n-1]
}
