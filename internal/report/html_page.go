package report

import (
	"fmt"
	"html/template"
	"slices"
	"strings"
	"time"
)

// htmlPage is what the template sees: no number that is not formatted, no text
// that is not bounded.
type htmlPage struct {
	CSS          template.CSS
	JS           template.JS
	CSP          string
	Title        string
	Headline     string
	Verdict      htmlMark
	Summary      Summary
	Share        []htmlBar
	Tally        []htmlTally
	Facts        []htmlFact
	Quota        []string
	Changes      *htmlChanges
	Since        string
	Columns      []htmlColumn
	Groups       []htmlGroup
	RowCount     int
	Attention    []htmlRecord
	Rest         []htmlRecord
	HarnessShare string
	Times        []htmlTimes
	Kernels      []htmlKernel
	Provenance   []htmlFacts
	Hashes       []htmlFacts
	Harness      string
	Files        bool
}

// htmlMark is an outcome and its colour, which is a quiet one where the outcome
// is excused.
type htmlMark struct {
	Outcome Outcome
	Class   string
}

type htmlTally struct {
	htmlMark
	Count int
}

// htmlFact is a name and a value; Link is a file beside the page.
type htmlFact struct{ Name, Value, Link string }

type htmlFacts struct {
	Title string
	Facts []htmlFact
}

// htmlBar is a bar; From and Percent are of the whole width.
type htmlBar struct {
	Name, Value, Link string
	Class             string
	From, Percent     string
}

func newHTMLPage(r Report, options Page) htmlPage {
	p := htmlPage{
		CSS: template.CSS(pageCSS), JS: template.JS(pageJS), CSP: policy(), //nolint:gosec // our own files
		Verdict: markOf(Pass, false), Summary: r.Summary, Harness: oneLine(r.Run.HarnessVersion), Files: options.Files,
	}
	verdict := "all green"
	if !r.Summary.Green {
		p.Verdict, verdict = markOf(Fail, false), "not green"
	}
	p.Headline = r.Summary.String()
	p.Title = "vmtest: " + verdict + ", " + p.Headline
	p.tally(r)
	p.facts(r.Run)
	for _, q := range r.Quota {
		if !q.Within {
			p.Quota = append(p.Quota, fmt.Sprintf("%s on %s took %s of the %s that it may use", q.Deliverable, q.Kernel, length(q.UsedNS), length(q.QuotaNS)))
		}
	}
	if options.Against != nil {
		p.Changes = newHTMLChanges(Compare(*options.Against, r))
		p.Since = options.Against.Run.StartedAt.UTC().Format(time.DateTime + " UTC")
	}
	p.matrix(r)
	p.records(r, options)
	p.times(r)
	p.kernels(r, options)
	p.provenance(r)
	p.hashes(r)
	return p
}

// tally counts each outcome that there is, and draws their shares.
func (p *htmlPage) tally(r Report) {
	counts, excused := map[Outcome]int{}, map[Outcome]int{}
	for _, result := range r.Results {
		counts[result.Outcome]++
		if r.excused(result) {
			excused[result.Outcome]++
		}
	}
	from := 0
	for _, o := range Outcomes() {
		n := counts[o]
		if n == 0 {
			continue
		}
		m := markOf(o, excused[o] == n)
		p.Tally = append(p.Tally, htmlTally{m, n})
		p.Share = append(p.Share, htmlBar{Class: m.Class, From: percent(from, len(r.Results)), Percent: percent(n, len(r.Results))})
		from += n
	}
}

func (p *htmlPage) facts(run Run) {
	p.Facts = facts(
		"started", run.StartedAt.UTC().Format("2006-01-02 15:04 UTC"), "took", length(run.DurationNS),
		"tier", run.Tier, "under", run.Accelerator.Name)
	if run.Shard != nil {
		p.Facts = append(p.Facts, htmlFact{Name: "shard", Value: run.Shard.String()})
	}
}

// facts takes names and values in turn and leaves out what is empty.
func facts(pairs ...string) []htmlFact {
	var list []htmlFact
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			list = append(list, htmlFact{Name: oneLine(pairs[i]), Value: paragraph(pairs[i+1])})
		}
	}
	return list
}

// markOf chooses the colour of an outcome. The word and the symbol beside it say
// more.
func markOf(o Outcome, excused bool) htmlMark {
	return htmlMark{o, class(o, excused)}
}

func class(o Outcome, excused bool) string {
	switch {
	case excused:
		return "mute"
	case o == Pass:
		return "good"
	case o == Skip:
		return "mute"
	case o.Harness() || o == Inconclusive:
		return "odd"
	}
	return "bad"
}

func percent[T int | int64](part, whole T) string {
	if whole <= 0 {
		return "0"
	}
	return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.2f", 100*float64(max(0, part))/float64(whole)), "0"), ".")
}

// length is a duration for people: "0.17 s", "4.2 s", "3 min 20 s".
func length(ns int64) string {
	d := time.Duration(ns)
	switch {
	case d <= 0:
		return ""
	case d < time.Second:
		return fmt.Sprintf("%.2f s", d.Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	d = d.Round(time.Second)
	return fmt.Sprintf("%d min %02d s", int(d.Minutes()), int(d.Seconds())%60)
}

func size(n int64) string {
	switch {
	case n <= 0:
		return ""
	case n < 1<<10:
		return fmt.Sprintf("%d bytes", n)
	case n < 1<<20:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%.0f MiB", float64(n)/(1<<20))
}

// words are sorted and unique, for an attribute that scripts search.
func words(list []string) string {
	slices.Sort(list)
	return strings.Join(slices.Compact(list), " ")
}
