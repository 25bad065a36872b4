package bpftour

import (
	"fmt"
	"sort"

	"namespaces-cgroups-ebpf/bpf-tour/internal/bpfjson"
)

// maxMapKeys is bpftrace's default for max_map_keys. A map with exactly so
// many keys may have been full, which 0.17 does not tell.
const maxMapKeys = 4096

// maxWarnings bounds the warnings of a result.
const maxWarnings = 50

// collector turns the lines of bpftrace into the data part of a Result.
type collector struct {
	recipe    Recipe
	maxEvents int
	decoder   *bpfjson.Decoder
	version   bpfjson.Version
	result    *Result
	reasons   map[string]bool
	lastText  string // what bpftrace said that was no JSON
}

func newCollector(r Recipe, v bpfjson.Version, maxEvents int) *collector {
	result := &Result{
		Schema: SchemaName, Recipe: r.Name, RecipeSHA256: r.SHA256(), BpftraceVersion: v.String(),
		Columns: append([]Column{}, r.Columns...), Events: []map[string]any{}, Histograms: []Histogram{},
		Warnings: []string{}, Incomplete: []string{},
	}
	return &collector{
		recipe: r, maxEvents: maxEvents, version: v, decoder: bpfjson.NewDecoder(v),
		result: result, reasons: map[string]bool{},
	}
}

// line takes one line of standard output and returns its kind.
func (c *collector) line(line []byte) bpfjson.Kind {
	m, err := c.decoder.Decode(line)
	if err != nil {
		c.malformed(err)
		return ""
	}
	switch m.Kind {
	case bpfjson.Text:
		c.lastText = m.Text
		c.warn("bpftrace said: " + m.Text)
	case bpfjson.ProbeCount:
		c.result.ProbesCount = m.Count
	case bpfjson.Value:
		c.event(m.Value)
	case bpfjson.Hist:
		c.histograms(m.Maps)
	case bpfjson.Lost:
		c.result.LostCount += m.Count
		c.incomplete("lost_events")
	case bpfjson.HelperError, bpfjson.RuntimeError:
		c.bpfError(m.Text)
	case bpfjson.Blank, bpfjson.Attached:
	default:
		c.warn(fmt.Sprintf("unexpected %s line", m.Kind))
	}
	return m.Kind
}

// keyRace is what bpftrace says when two CPUs make the same key of a map in
// the same moment: the one that comes second fails, and its sample is lost.
const keyRace = "map_update_elem: File exists"

func (c *collector) bpfError(text string) {
	c.warn(text)
	if text == keyRace {
		c.result.LostCount++
		c.incomplete("lost_events")
		return
	}
	c.incomplete("bpf_errors")
}

func (c *collector) malformed(err error) {
	c.result.MalformedCount++
	c.incomplete("malformed_output")
	c.warn(err.Error())
}

func (c *collector) incomplete(reason string) { c.reasons[reason] = true }

func (c *collector) warn(text string) {
	for _, w := range c.result.Warnings {
		if w == text {
			return
		}
	}
	if len(c.result.Warnings) < maxWarnings {
		c.result.Warnings = append(c.result.Warnings, text)
	}
}

func (c *collector) event(v any) {
	if len(c.result.Events) >= c.maxEvents {
		c.result.DroppedCount++
		c.incomplete("event_limit")
		return
	}
	row, err := eventRow(c.recipe.Columns, v)
	if err != nil {
		c.malformed(err)
		return
	}
	c.result.Events = append(c.result.Events, row)
}

func (c *collector) histograms(maps []bpfjson.MapValues) {
	for _, m := range maps {
		spec, ok := c.spec(m.Name)
		if !ok {
			c.malformed(fmt.Errorf("map %s is not declared by the recipe", m.Name))
			continue
		}
		if len(m.Entries) >= maxMapKeys {
			c.incomplete("map_full")
		}
		merged, twins := mergeTwins(m.Entries)
		for _, key := range twins {
			c.twin(key)
		}
		for _, e := range merged {
			c.histogram(spec, e)
		}
		if c.version.AtLeast(0, 24) && len(spec.Key) > 0 {
			c.warn("bpftrace >= 0.24 deletes spaces from the keys of maps")
		}
	}
}

// twin judges a key that was printed more than once. Only the last part of a
// key is text, so up to 0.23 the keys differ behind the NUL that ends the text:
// kernel 5.10 leaves the rest of a longer name there. From 0.24 on they
// may also have been different names, since spaces are deleted.
func (c *collector) twin(key string) {
	if c.version.AtLeast(0, 24) {
		c.incomplete("ambiguous_keys")
	}
	c.warn(fmt.Sprintf("key %q was printed more than once: added up", key))
}

func (c *collector) histogram(spec HistogramSpec, e bpfjson.Entry) {
	key, err := histogramKey(spec.Key, e)
	if err != nil {
		c.malformed(err)
		return
	}
	h := Histogram{Name: spec.Name, Unit: spec.Unit, Key: key, Buckets: []map[string]any{}}
	for _, b := range e.Buckets {
		h.SampleCount += b.Count
		h.Buckets = append(h.Buckets, bucketRow(spec.Unit, b))
	}
	if h.SampleCount > 0 {
		c.result.Histograms = append(c.result.Histograms, h)
	}
}

func (c *collector) spec(name string) (HistogramSpec, bool) {
	for _, h := range c.recipe.Histograms {
		if h.Map == name {
			return h, true
		}
	}
	return HistogramSpec{}, false
}

// finish settles what can be said only once all output is there.
func (c *collector) finish() *Result {
	r := c.result
	for reason := range c.reasons {
		r.Incomplete = append(r.Incomplete, reason)
	}
	sort.Strings(r.Incomplete)
	r.Complete = len(r.Incomplete) == 0
	r.Empty = len(r.Events) == 0 && len(r.Histograms) == 0
	sort.SliceStable(r.Histograms, func(i, j int) bool { return r.Histograms[i].SampleCount > r.Histograms[j].SampleCount })
	return r
}
