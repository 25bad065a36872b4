package report

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// maxReasons bounds the list of failures, maxChanges that of changes.
const (
	maxReasons = 200
	maxChanges = 50
)

// maxMarkdownBytes keeps the page below 1 MiB, the limit of a step summary.
const maxMarkdownBytes = 1000 << 10

// Markdown writes the matrix first, then what has changed since another report
// (nil for none), what is not a pass, and where it ran.
func Markdown(w io.Writer, r Report, against *Report) error {
	p := &markdownPage{}
	title := "All green"
	if !r.Summary.Green {
		title = "Not green"
	}
	p.printf("# vmtest: %s\n\n%s\n\n", title, r.Summary)
	p.matrix(NewMatrix(r))
	if against != nil {
		p.changes(Compare(*against, r), against.Run.StartedAt)
	}
	p.reasons(r.Results)
	p.quota(r.Quota)
	p.kernels(r)
	p.tails(r.Results)
	_, err := io.WriteString(w, p.String())
	return err
}

// markdownPage is a page of bounded size: what does not fit as a whole piece is
// left out, and the page says so.
type markdownPage struct {
	b    strings.Builder
	full bool
}

func (p *markdownPage) printf(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if p.full = p.full || p.b.Len()+len(text) > maxMarkdownBytes; !p.full {
		p.b.WriteString(text)
	}
}

func (p *markdownPage) String() string {
	if p.full {
		return p.b.String() + "\n\nThere is more than fits on this page; all of it is in report.json.\n"
	}
	return p.b.String()
}

func (p *markdownPage) matrix(m Matrix) {
	p.printf("| kernel | %s |\n|---|%s\n", strings.Join(m.Deliverables, " | "), strings.Repeat("---|", len(m.Deliverables)))
	for _, row := range m.Rows {
		cells := make([]string, len(row.Cells))
		for i, c := range row.Cells {
			cells[i] = mark(c.Outcome) + c.String()
		}
		p.printf("| %s | %s |\n", escapeCell(row.Kernel), strings.Join(cells, " | "))
	}
}

// mark is for the eye; the word beside it says the same.
func mark(o Outcome) string {
	switch {
	case o == "":
		return ""
	case o == Pass:
		return "✅ "
	case o == Skip:
		return "⏭️ "
	case o.Harness() || o == Inconclusive:
		return "⚠️ "
	}
	return "❌ "
}

func (p *markdownPage) changes(c Changes, since time.Time) {
	p.printf("\n## Changed since %s\n\n", since.UTC().Format(time.DateTime+" UTC"))
	groups := c.Groups()
	if len(groups)+len(c.Kernels) == 0 {
		p.printf("Nothing.\n")
		return
	}
	for _, k := range c.Kernels {
		p.printf("- kernel %s\n", escapeCell(k))
	}
	for _, g := range groups {
		p.printf("- **%s** (%d)\n", g.Title, len(g.Changes))
		for i, change := range g.Changes {
			if i == maxChanges {
				p.printf("  - and %d more\n", len(g.Changes)-i)
				break
			}
			r := change.Result()
			p.printf("  - %s on %s: %s\n", escapeCell(r.ID), escapeCell(r.Kernel), change)
		}
	}
}

func (p *markdownPage) reasons(results []Result) {
	n := 0
	for _, r := range results {
		if r.Outcome == Pass {
			continue
		}
		if n == 0 {
			p.printf("\n## Not a plain pass\n\n| test | kernel | outcome | reason | again with |\n|---|---|---|---|---|\n")
		}
		if n++; n > maxReasons {
			p.printf("\nMore than %d; the rest is in report.json.\n", maxReasons)
			return
		}
		p.printf("| %s | %s | %s | %s | `%s` |\n", escapeCell(r.ID), escapeCell(r.Kernel), r.Outcome, escapeCell(r.Reason), codeCell(r.Reproduce))
	}
}

func (p *markdownPage) quota(quota []Quota) {
	for _, q := range quota {
		if !q.Within {
			p.printf("\n%s took %v on %s, over its quota of %v.\n", q.Deliverable, round(q.UsedNS), escapeCell(q.Kernel), round(q.QuotaNS))
		}
	}
}

func (p *markdownPage) kernels(r Report) {
	p.printf("\n## Where it ran\n\n")
	runs := []Run{r.Run}
	if len(r.Parts) > 0 {
		p.printf("Merged from %d reports, %v in all.\n\n", len(r.Parts), round(r.Run.DurationNS))
		runs = runs[:0]
		for _, part := range r.Parts {
			runs = append(runs, part.Run)
		}
	}
	for _, run := range runs {
		shard := ""
		if run.Shard != nil {
			shard = "Shard " + run.Shard.String() + ": "
		}
		p.printf("%sQEMU %s, %s: %s. %d CPUs, host kernel %s, tier %s, seed %s, %v in all.\n\n",
			shard, escapeCell(run.QEMUVersion), run.Accelerator.Name, escapeCell(run.Accelerator.Reason), run.Host.CPUCount,
			escapeCell(run.Host.Kernel), run.Tier, run.Seed, round(run.DurationNS))
	}
	p.printf("| series | package | from | boot | outcome |\n|---|---|---|---|---|\n")
	for _, k := range r.Kernels {
		from := k.Suite
		if len(k.Packages) > 0 {
			from = strings.TrimSpace(from + " " + k.Packages[0].Source)
		}
		p.printf("| %s | %s | %s | %v | %s |\n", escapeCell(k.Series), escapeCell(k.PackageVersion), escapeCell(from), round(k.BootNS),
			strings.TrimSpace(string(k.Outcome)+" "+escapeCell(k.Reason)))
	}
}

// tails shows what the tests that are not green wrote last.
func (p *markdownPage) tails(results []Result) {
	first := true
	for _, r := range results {
		lines := append(append(r.OutputTail[:len(r.OutputTail):len(r.OutputTail)], r.Kmsg...), r.ConsoleTail...)
		if p.full || r.Outcome.Green() || len(lines) == 0 {
			continue
		}
		if first {
			p.printf("\n## Last words\n")
			first = false
		}
		text := printable(strings.Join(lines, "\n"))
		fence := strings.Repeat("`", max(3, longestRun(text, '`')+1))
		p.printf("\n<details><summary>%s on %s: %s</summary>\n\n%stext\n%s\n%s\n\n</details>\n",
			escapeHTML(oneLine(r.ID)), escapeHTML(oneLine(r.Kernel)), r.Outcome, fence, text, fence)
	}
}

func round(ns int64) time.Duration { return time.Duration(ns).Round(100 * time.Millisecond) }
