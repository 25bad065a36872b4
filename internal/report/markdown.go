package report

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"
)

// maxReasons bounds the list of failures: a step summary on GitHub must stay
// under 1 MiB.
const maxReasons = 200

// Markdown writes the matrix first, then what is not a pass, then where it ran.
func Markdown(w io.Writer, r Report) error {
	b := &strings.Builder{}
	title := "All green"
	if !r.Summary.Green {
		title = "Not green"
	}
	fmt.Fprintf(b, "# vmtest: %s\n\n%s\n\n", title, r.Summary)
	markdownMatrix(b, NewMatrix(r))
	markdownReasons(b, r.Results)
	markdownQuota(b, r.Quota)
	markdownKernels(b, r)
	_, err := io.WriteString(w, b.String())
	return err
}

// String is the one-line count: "20 passed, 0 failed, 1 skipped".
func (s Summary) String() string {
	rest := s.TotalCount - s.PassCount - s.SkipCount
	return fmt.Sprintf("%d passed, %d failed, %d skipped", s.PassCount, rest, s.SkipCount)
}

func markdownMatrix(b *strings.Builder, m Matrix) {
	fmt.Fprintf(b, "| kernel | %s |\n|---|%s\n", strings.Join(m.Deliverables, " | "), strings.Repeat("---|", len(m.Deliverables)))
	for _, row := range m.Rows {
		cells := make([]string, len(row.Cells))
		for i, c := range row.Cells {
			cells[i] = c.String()
		}
		fmt.Fprintf(b, "| %s | %s |\n", escapeCell(row.Kernel), strings.Join(cells, " | "))
	}
}

func markdownReasons(b *strings.Builder, results []Result) {
	n := 0
	for _, r := range results {
		if r.Outcome == Pass {
			continue
		}
		if n == 0 {
			b.WriteString("\n## Not a plain pass\n\n| test | kernel | outcome | reason | again with |\n|---|---|---|---|---|\n")
		}
		if n++; n > maxReasons {
			fmt.Fprintf(b, "\nMore than %d; the rest is in report.json.\n", maxReasons)
			return
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s | `%s` |\n", r.ID, escapeCell(r.Kernel), r.Outcome, escapeCell(r.Reason), codeCell(r.Reproduce))
	}
}

func markdownQuota(b *strings.Builder, quota []Quota) {
	for _, q := range quota {
		if !q.Within {
			fmt.Fprintf(b, "\n%s took %v on %s, over its quota of %v.\n", q.Deliverable, round(q.UsedNS), escapeCell(q.Kernel), round(q.QuotaNS))
		}
	}
}

func markdownKernels(b *strings.Builder, r Report) {
	fmt.Fprintf(b, "\n## Where it ran\n\nQEMU %s, %s: %s. %d CPUs, host kernel %s, tier %s, seed %s, %v in all.\n\n",
		escapeCell(r.Run.QEMUVersion), r.Run.Accelerator.Name, escapeCell(r.Run.Accelerator.Reason), r.Run.Host.CPUCount,
		escapeCell(r.Run.Host.Kernel), r.Run.Tier, r.Run.Seed, round(r.Run.DurationNS))
	b.WriteString("| series | package | from | boot | outcome |\n|---|---|---|---|---|\n")
	for _, k := range r.Kernels {
		from := k.Suite
		if len(k.Packages) > 0 {
			from = strings.TrimSpace(from + " " + k.Packages[0].Source)
		}
		fmt.Fprintf(b, "| %s | %s | %s | %v | %s |\n", k.Series, escapeCell(k.PackageVersion), escapeCell(from), round(k.BootNS),
			strings.TrimSpace(string(k.Outcome)+" "+escapeCell(k.Reason)))
	}
}

func round(ns int64) time.Duration { return time.Duration(ns).Round(100 * time.Millisecond) }

// escapeCell keeps text from a guest inside its table cell, as text: no markup,
// no link, no second line.
func escapeCell(s string) string { return markup.Replace(oneLine(s)) }

// codeCell is for code spans, where a backslash escapes nothing but a pipe.
func codeCell(s string) string {
	return strings.NewReplacer("`", "'", "\\", "/", "|", `\|`).Replace(oneLine(s))
}

var markup = strings.NewReplacer(
	`\`, `\\`, "|", `\|`, "`", "\\`", "*", `\*`, "_", `\_`, "~", `\~`, "[", `\[`, "]", `\]`,
	"&", "&amp;", "<", "&lt;", ">", "&gt;")

// maxCellBytes bounds one cell.
const maxCellBytes = 500

func oneLine(s string) string {
	short := strings.ToValidUTF8(s[:min(len(s), maxCellBytes)], "?")
	if len(s) > maxCellBytes {
		short += " ..."
	}
	return strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) {
			return ' '
		}
		return r
	}, short)
}
