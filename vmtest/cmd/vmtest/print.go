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
	for _, result := range r.Results {
		if result.Outcome != report.Pass {
			fmt.Fprintf(w, "%s on %s: %s: %s\n", result.ID, result.Kernel, result.Outcome, oneLine(result.Reason))
			if !result.Outcome.Green() {
				fmt.Fprintf(w, "    again: %s\n", result.Reproduce)
			}
		}
	}
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
