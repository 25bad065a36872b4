package bpftour

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// barWidth is the width of the longest bar of a histogram, in characters.
const barWidth = 30

// WriteText renders a result for people: events as a table, histograms as
// bars, at most so many of each (0: all), and what must be known to trust them.
func WriteText(w io.Writer, r *Result, maxEvents, maxHistograms int) error {
	var b strings.Builder
	if len(r.Columns) > 0 {
		writeEvents(&b, r, maxEvents)
	}
	for i, h := range r.Histograms {
		if maxHistograms > 0 && i == maxHistograms {
			fmt.Fprintf(&b, "... %d more histograms\n\n", len(r.Histograms)-maxHistograms)
			break
		}
		writeHistogram(&b, h)
	}
	b.WriteString(summary(r))
	_, err := io.WriteString(w, b.String())
	return err
}

func summary(r *Result) string {
	state := "complete"
	if !r.Complete {
		state = "INCOMPLETE: " + strings.Join(r.Incomplete, ", ")
	}
	if r.Empty {
		state += "; nothing was seen"
	}
	return fmt.Sprintf("%d events, %d histograms in %s after %s of attaching; %s\n", len(r.Events), len(r.Histograms),
		time.Duration(r.DurationNS).Round(time.Millisecond), time.Duration(r.AttachNS).Round(time.Millisecond), state)
}

func writeEvents(b *strings.Builder, r *Result, limit int) {
	tw := tabwriter.NewWriter(b, 0, 8, 2, ' ', 0)
	for i, c := range r.Columns {
		fmt.Fprintf(tw, "%s%s", separator(i), strings.ToUpper(c.Name))
	}
	for i, event := range r.Events {
		if limit > 0 && i == limit {
			break
		}
		fmt.Fprintln(tw)
		for j, c := range r.Columns {
			fmt.Fprintf(tw, "%s%s", separator(j), cell(event[c.Name]))
		}
	}
	fmt.Fprintln(tw)
	_ = tw.Flush() // a strings.Builder does not fail
	if limit > 0 && len(r.Events) > limit {
		fmt.Fprintf(b, "... %d more events\n", len(r.Events)-limit)
	}
	b.WriteString("\n")
}

func separator(i int) string {
	if i == 0 {
		return ""
	}
	return "\t"
}

// cell renders a value on one line: text that could be mistaken for several
// cells, or that could drive the terminal, is quoted.
func cell(v any) string {
	switch v := v.(type) {
	case string:
		if v == "" || strings.ContainsFunc(v, func(r rune) bool { return r <= ' ' || r == '"' || r > '~' }) {
			return fmt.Sprintf("%q", v)
		}
		return v
	case []string:
		cells := make([]string, len(v))
		for i, s := range v {
			cells[i] = cell(s)
		}
		return strings.Join(cells, " ")
	case []any: // a result that was read back from JSON
		cells := make([]string, len(v))
		for i, s := range v {
			cells[i] = cell(s)
		}
		return strings.Join(cells, " ")
	}
	return fmt.Sprint(v)
}

func writeHistogram(b *strings.Builder, h Histogram) {
	fmt.Fprintf(b, "%s", h.Name)
	for _, name := range sortedKeys(h.Key) {
		fmt.Fprintf(b, " %s=%s", name, cell(h.Key[name]))
	}
	fmt.Fprintf(b, " (%d samples)\n", h.SampleCount)
	most := uint64(1)
	for _, bucket := range h.Buckets {
		most = max(most, samples(bucket))
	}
	tw := tabwriter.NewWriter(b, 0, 8, 1, ' ', tabwriter.AlignRight)
	for _, bucket := range h.Buckets {
		n := samples(bucket)
		bar := strings.Repeat("#", int((n*barWidth+most-1)/most))
		fmt.Fprintf(tw, "\t%s\t..\t%s\t%d\t |%-*s|\n", bound(bucket["min_"+h.Unit]), bound(bucket["max_"+h.Unit]), n, barWidth, bar)
	}
	_ = tw.Flush() // a strings.Builder does not fail
	b.WriteString("\n")
}

func bound(v any) string {
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}
