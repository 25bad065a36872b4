package main

import (
	"fmt"
	"io"
	"path/filepath"
	"text/tabwriter"

	"namespaces-cgroups-ebpf/internal/report"
)

// printReport ends a run: what is not a plain pass, the matrix, the counts.
func printReport(w io.Writer, r report.Report, out string) error {
	fmt.Fprintln(w)
	printReasons(w, r.Results)
	for _, q := range r.Quota {
		if !q.Within {
			fmt.Fprintf(w, "%s on %s: over its quota: %.1f s of %.0f s\n", q.Deliverable, q.Kernel, float64(q.UsedNS)/1e9, float64(q.QuotaNS)/1e9)
		}
	}
	if err := printMatrix(w, report.NewMatrix(r)); err != nil {
		return err
	}
	fmt.Fprintf(w, "\n%s: %s. Report: %s\n", r.Run.Accelerator.Name, r.Run.Accelerator.Reason, filepath.Join(out, report.MarkdownFile))
	_, err := fmt.Fprintln(w, r.Summary)
	return err
}

// printReasons says why results are no plain pass. What we got wrong is the same
// for many of them, and is said once.
func printReasons(w io.Writer, results []report.Result) {
	said := map[string]bool{}
	for i, r := range results {
		more := 0
		if r.Outcome.Harness() {
			more = alike(results[i+1:], r)
		}
		key := r.Series + "\x00" + string(r.Outcome) + "\x00" + r.Reason
		if r.Outcome == report.Pass || said[key] {
			continue
		}
		said[key] = r.Outcome.Harness()
		id := r.ID
		if more > 0 {
			id += fmt.Sprintf(" and %d more", more)
		}
		fmt.Fprintf(w, "%s on %s: %s: %s\n", id, r.Kernel, r.Outcome, oneLine(r.Reason))
		if !r.Outcome.Green() {
			fmt.Fprintf(w, "    again: %s\n", r.Reproduce)
		}
	}
}

// alike counts the results that ended as r did, for the same reason.
func alike(results []report.Result, r report.Result) int {
	n := 0
	for _, other := range results {
		if other.Series == r.Series && other.Outcome == r.Outcome && other.Reason == r.Reason {
			n++
		}
	}
	return n
}

func printMatrix(w io.Writer, m report.Matrix) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprint(t, "kernel")
	for _, d := range m.Deliverables {
		fmt.Fprintf(t, "\t%s", d)
	}
	fmt.Fprintln(t)
	for _, row := range m.Rows {
		fmt.Fprint(t, row.Kernel)
		for _, c := range row.Cells {
			fmt.Fprintf(t, "\t%s", c)
		}
		fmt.Fprintln(t)
	}
	return t.Flush()
}
