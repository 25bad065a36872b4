package bench

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// WriteText prints a report for people.
func WriteText(out io.Writer, r Report) error {
	writeMachine(out, r.Machine)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "\nMEASURED\tN\tMIN\tMEDIAN\tMAX\tWANTED")
	for _, s := range r.Series {
		if s.SkipReason != "" {
			fmt.Fprintf(table, "%s\tskipped: %s\n", title(s.Name, s.Variant), firstLine(s.SkipReason))
			continue
		}
		fmt.Fprintf(table, "%s\t%d\t%s\t%s\t%s\t%s\n", title(s.Name, s.Variant)+rate(s), len(s.Samples),
			short(s.MinNS), short(s.MedianNS), short(s.MaxNS), within(s.TargetNS > 0, s.MedianNS <= s.TargetNS, short(s.TargetNS)))
	}
	for _, x := range r.Ratios {
		fmt.Fprintf(table, "%s\t%d\t%.3f\t%.3f\t%.3f\t%s\n", title(x.Name, x.Variant), len(x.Pairs),
			x.Min, x.Median, x.Max, within(x.Target > 0, x.Median <= x.Target, fmt.Sprintf("%.2f", x.Target)))
	}
	for _, s := range r.Sizes {
		if s.SkipReason != "" {
			fmt.Fprintf(table, "%s\tskipped: %s\n", title(s.Name, s.Variant), firstLine(s.SkipReason))
			continue
		}
		fmt.Fprintf(table, "%s\t1\t\t%s\t\t%s\n", title(s.Name, s.Variant), mebibytes(s.Bytes), within(s.Target > 0, s.Bytes <= s.Target, mebibytes(s.Target)))
	}
	for _, l := range r.Leaks {
		fmt.Fprintf(table, "%s: %s left\t%d\t\t%d\t\t%s\n", title("leaks", l.Variant), l.Name, l.Runs, len(l.Left), within(true, len(l.Left) == 0, "0"))
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("write table: %w", err)
	}
	return nil
}

func writeMachine(out io.Writer, m Machine) {
	fmt.Fprintf(out, "%s, %d CPUs, %d MiB, Linux %s, load %.2f per CPU\n", m.CPUModel, m.CPUs, m.MemoryBytes>>20, m.Kernel, m.Load)
	if m.QEMU != "" {
		fmt.Fprintf(out, "QEMU %s, %s (%s)\n", m.QEMU, m.Accelerator, m.AcceleratorReason)
	}
}

func title(name, variant string) string {
	if variant == "" {
		return name
	}
	return name + " [" + variant + "]"
}

func mebibytes(n int64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }

// firstLine is enough of an error for a table; the JSON has all of it.
func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

// rate is the median throughput where there is one.
func rate(s Series) string {
	if s.WorkBytes == 0 || s.MedianNS == 0 {
		return ""
	}
	return fmt.Sprintf(" (%.0f MB/s)", float64(s.WorkBytes)*1e3/float64(s.MedianNS))
}

// within says what was wanted, and whether it came to that.
func within(wanted, met bool, target string) string {
	switch {
	case !wanted:
		return ""
	case met:
		return "<= " + target + " met"
	}
	return "<= " + target + " MISSED"
}

// short rounds a duration to three digits or so.
func short(ns int64) string {
	d := time.Duration(ns)
	for _, unit := range []time.Duration{time.Second, time.Millisecond, time.Microsecond} {
		if d >= unit {
			return d.Round(unit / 100).String()
		}
	}
	return d.String()
}
