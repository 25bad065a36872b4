package report

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
)

// htmlRecord is one result with all that is known of it.
type htmlRecord struct {
	htmlMark
	ID, Kernel, Anchor, Find string
	Open, Omitted            bool
	Duration, Reason         string
	Facts                    []htmlFact
	Artifacts                []htmlArtifact
	Output, Kmsg, Console    htmlLines
	Tests                    []htmlTest
	Reproduce                string
}

type htmlArtifact struct {
	Path, Schema, State, Class, Records, Link string
	Icon                                      Outcome
	Problems                                  []string
}

type htmlLines struct {
	Title string
	Lines []string
}

type htmlTest struct {
	htmlMark
	Name, Reason, Duration string
}

// Bounds of one record.
const (
	maxLines     = 100
	maxLineBytes = 2000
	maxProblems  = 20
	maxTests     = 300
	maxOpen      = 3 // records that are open from the start
)

// records puts what is not green first: it is what the page is read for, and
// what must fit.
func (p *htmlPage) records(r Report, options Page) {
	room := maxPageBytes
	quiet := func(result Result) bool { return result.Outcome.Green() || r.excused(result) }
	add := func(list *[]htmlRecord, result Result) {
		rec := newHTMLRecord(result)
		rec.htmlMark = markOf(result.Outcome, r.excused(result))
		if room > 0 {
			rec.fill(result, options)
			room -= rec.weight()
		} else {
			rec.Omitted = true
		}
		rec.Open = !quiet(result) && len(*list) < maxOpen
		*list = append(*list, rec)
	}
	for _, result := range r.Results {
		if !quiet(result) {
			add(&p.Attention, result)
		}
	}
	for _, result := range r.Results {
		if quiet(result) {
			add(&p.Rest, result)
		}
	}
}

// newHTMLRecord makes what a record has of its own on any page.
func newHTMLRecord(r Result) htmlRecord {
	return htmlRecord{
		ID: oneLine(r.ID), Kernel: oneLine(r.Kernel), Anchor: anchor(r),
		Find:     strings.ToLower(oneLine(r.ID) + " " + oneLine(r.Series) + " " + oneLine(r.Kernel)),
		Duration: length(r.DurationNS), Reason: oneLine(r.Reason),
	}
}

// fill adds what a page has room for.
func (rec *htmlRecord) fill(r Result, options Page) {
	rec.Reason, rec.Reproduce, rec.Facts = paragraph(r.Reason), paragraph(r.Reproduce), recordFacts(r, options)
	rec.Output = htmlLines{"End of the output", tidy(r.OutputTail)}
	rec.Kmsg = htmlLines{"Kernel log", tidy(r.Kmsg)}
	rec.Console = htmlLines{"End of the console", tidy(r.ConsoleTail)}
	for _, a := range r.Artifacts {
		rec.Artifacts = append(rec.Artifacts, newHTMLArtifact(a, options))
	}
	for i, t := range r.Tests {
		if i == maxTests {
			break
		}
		rec.Tests = append(rec.Tests, htmlTest{markOf(t.Outcome, false), oneLine(t.Name), paragraph(t.Reason), length(t.DurationNS)})
	}
}

func recordFacts(r Result, options Page) []htmlFact {
	var list []htmlFact
	if r.ExitCode != nil {
		list = facts("exit code", fmt.Sprint(*r.ExitCode))
	}
	list = append(list, facts("signal", positive(r.Signal), "went wrong in", r.FailedStage)...)
	if vm := r.VM; vm != nil {
		how := "booted cold"
		if vm.Restored {
			how = "restored from a snapshot"
		}
		list = append(list, facts("VM", how+within(vm.BootNS), "teardown", length(vm.TeardownNS),
			"QEMU peak memory", size(vm.QEMUPeakRSSBytes), "VMs started", several(vm.AttemptsCount))...)
	}
	list = append(list, facts("standard output", size(r.StdoutBytes), "standard error", size(r.StderrBytes))...)
	if r.Resumed {
		list = append(list, htmlFact{Name: "kept", Value: "from an earlier run with the same programs, kernel, disk and seed"})
	}
	if r.Truncated {
		list = append(list, htmlFact{Name: "output", Value: "over its limit; only its beginning was kept"})
	}
	if r.ConsoleLog != "" {
		list = append(list, htmlFact{Name: "console", Value: oneLine(r.ConsoleLog), Link: link(r.ConsoleLog, options)})
	}
	return append(list, facts("trust", trust(r.Trust))...)
}

// several leaves out what goes without saying.
func several(n int) string {
	if n == 1 {
		return ""
	}
	return positive(n)
}

func trust(t string) string {
	switch t {
	case "guest-root":
		return "the test was root in the guest and could have forged this result"
	case "confined":
		return "the program under test had no way to forge this result"
	}
	return ""
}

func newHTMLArtifact(a Artifact, options Page) htmlArtifact {
	h := htmlArtifact{Path: oneLine(a.Path), Schema: oneLine(a.Schema), State: a.state(), Class: "bad", Icon: Fail, Link: link(a.Stored, options)}
	if a.Path == "-" {
		h.Path = "standard output"
	}
	if h.State == "valid" {
		h.Class, h.Icon = "good", Pass
	}
	if v := a.Validation; v != nil {
		h.Records = fmt.Sprintf("%d records, %d invalid", v.Records, v.Invalid)
		for i, problem := range v.Problems {
			if i == maxProblems {
				h.Problems = append(h.Problems, fmt.Sprintf("and %d more", len(v.Problems)-i+v.TruncatedCount))
				break
			}
			h.Problems = append(h.Problems, oneLine(problem.String()))
		}
	}
	return h
}

func within(ns int64) string {
	if ns <= 0 {
		return ""
	}
	return ", ready in " + length(ns)
}

// plain is what the paths of a report are made of. Anything else is no link.
var plain = regexp.MustCompile(`^[A-Za-z0-9_+-][A-Za-z0-9._+-]*(/[A-Za-z0-9_+-][A-Za-z0-9._+-]*)*$`)

func link(path string, options Page) string {
	if !options.Files || !plain.MatchString(path) || !filepath.IsLocal(path) {
		return ""
	}
	return path
}

// escape is a terminal's control sequence.
var escape = regexp.MustCompile(`\x1b(\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)?|[@-Z\\-_])`)

// paragraph is text of several lines, bounded, without control characters.
func paragraph(s string) string {
	return printable(escape.ReplaceAllString(clip(s, maxMessageBytes), ""))
}

// tidy bounds lines and keeps their ends, which say most.
func tidy(lines []string) []string {
	lines = lines[max(0, len(lines)-maxLines):]
	out := make([]string, 0, len(lines))
	for _, line := range lines {
		out = append(out, oneRow.Replace(paragraph(clip(strings.TrimRight(line, "\r\n"), maxLineBytes))))
	}
	return out
}

// oneRow keeps a line one line; a tab stays.
var oneRow = strings.NewReplacer("\n", " ", "\u2028", " ", "\u2029", " ")

// weight is about how many bytes a record takes on the page, escaped at worst.
func (r htmlRecord) weight() int {
	n := 1500 + 5*(len(r.Reason)*2+len(r.Reproduce))
	for _, list := range [][]string{r.Output.Lines, r.Kmsg.Lines, r.Console.Lines} {
		for _, line := range list {
			n += 2 * len(line)
		}
	}
	for _, a := range r.Artifacts {
		n += 400
		for _, problem := range a.Problems {
			n += 2 * len(problem)
		}
	}
	for _, t := range r.Tests {
		n += 300 + 2*len(t.Reason)
	}
	return n
}
