package main

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"namespaces-cgroups-ebpf/internal/report"
	"namespaces-cgroups-ebpf/vmtest"
)

// printReport ends a run: what is not a plain pass, the matrix, the counts.
func printReport(w io.Writer, r report.Report, out string) error {
	fmt.Fprintln(w)
	printReasons(w, r.Results)
	for _, q := range r.Quota {
		if !q.Within {
			fmt.Fprintf(w, "%s on %s: over its quota: %.1f s of %.0f s%s\n",
				q.Deliverable, q.Kernel, float64(q.UsedNS)/1e9, float64(q.QuotaNS)/1e9, stretched(r.Run.Slowdown))
		}
	}
	if err := printMatrix(w, report.NewMatrix(r)); err != nil {
		return err
	}
	fmt.Fprintf(w, "\n%s: %s. Report: %s\n", r.Run.Accelerator.Name, strings.TrimRight(r.Run.Accelerator.Reason, "."), filepath.Join(out, report.MarkdownFile))
	if n := resumed(r.Results); n > 0 {
		fmt.Fprintf(w, "%d of %d kept from an earlier run\n", n, len(r.Results))
	}
	_, err := fmt.Fprintln(w, r.Summary)
	return err
}

func resumed(results []report.Result) int {
	n := 0
	for _, r := range results {
		if r.Resumed {
			n++
		}
	}
	return n
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
			printDetail(w, r)
		}
	}
}

// stretched says by how much a quota was multiplied on a slow machine.
func stretched(ratio float64) string {
	if ratio <= 1 {
		return ""
	}
	return fmt.Sprintf(" times %.1f, since this machine is that much slower", ratio)
}

// Lines shown of a test's output and of the console; the report has more.
const (
	shownOutput  = 15
	shownConsole = 10
)

// printDetail says where a test went wrong, shows the end of what it said
// itself (or of the console, if it said nothing), and how to run it again.
func printDetail(w io.Writer, r report.Result) {
	if r.FailedStage != "" && r.FailedStage != string(vmtest.StageTest) {
		fmt.Fprintf(w, "    stage: %s\n", r.FailedStage)
	}
	printTail(w, "output", r.OutputTail, shownOutput)
	if len(r.OutputTail) == 0 || r.Outcome != report.Fail {
		printTail(w, "console", r.ConsoleTail, shownConsole)
	}
	fmt.Fprintf(w, "    again: %s\n", r.Reproduce)
}

func printTail(w io.Writer, name string, lines []string, limit int) {
	if len(lines) == 0 {
		return
	}
	fmt.Fprintf(w, "    %s:\n", name)
	for _, line := range lines[max(0, len(lines)-limit):] {
		fmt.Fprintf(w, "      | %s\n", indented(line))
	}
}

// indented is oneLine, with the indentation of the line kept.
func indented(s string) string {
	text := strings.TrimLeft(s, " ")
	return strings.Repeat(" ", min(len(s)-len(text), 16)) + oneLine(text)
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
