package main

import (
	"fmt"
	"io"
	"os"
	"sort"
	"strings"
	"sync"
	"time"
	"unicode"

	"golang.org/x/term"

	"namespaces-cgroups-ebpf/internal/report"
	"namespaces-cgroups-ebpf/vmtest"
)

// view shows a run as it goes: a line per finished step, and on a terminal a
// status line that says what runs now and for how long.
type view struct {
	w     io.Writer
	live  bool
	color bool
	width int
	now   func() time.Time
	start time.Time

	mu      sync.Mutex
	running map[string]time.Time
	tests   map[string]progress // by kernel, those that have begun and are not done
	quit    chan struct{}
	done    sync.WaitGroup
}

// progress is how far a kernel has got.
type progress struct{ settled, total int }

func newView(w io.Writer) *view {
	v := &view{w: w, now: time.Now, start: time.Now(), running: map[string]time.Time{}, tests: map[string]progress{}, quit: make(chan struct{})}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb" {
		v.live, v.color = true, os.Getenv("NO_COLOR") == ""
		v.width, _, _ = term.GetSize(int(f.Fd()))
		v.done.Add(1)
		go v.tick()
	}
	return v
}

func (v *view) tick() {
	defer v.done.Done()
	every := time.NewTicker(200 * time.Millisecond)
	defer every.Stop()
	for {
		select {
		case <-v.quit:
			return
		case <-every.C:
			v.mu.Lock()
			v.status()
			v.mu.Unlock()
		}
	}
}

func (v *view) stop() {
	close(v.quit)
	v.done.Wait()
	v.mu.Lock()
	defer v.mu.Unlock()
	v.clear()
}

// event takes one step of progress.
func (v *view) event(e vmtest.Event) {
	v.mu.Lock()
	defer v.mu.Unlock()
	name := strings.Join(strings.Fields(fmt.Sprintf("%s %s %s", e.Kernel, e.Test, e.Stage)), " ")
	if e.Begin {
		v.running[name] = e.Time
	} else {
		delete(v.running, name)
	}
	v.count(e)
	if v.hides(e) {
		return
	}
	v.clear()
	fmt.Fprintln(v.w, v.line(e))
	v.status()
}

// hides tells which steps are no line of their own: what begins ends with a
// line, and a step that is as always says nothing new.
func (v *view) hides(e vmtest.Event) bool {
	return e.Minor || e.Begin && (v.live || e.Stage == vmtest.StageTest || e.Stage == vmtest.StageBoot)
}

// count keeps what the events say of each kernel's progress.
func (v *view) count(e vmtest.Event) {
	switch {
	case e.Stage == vmtest.StageDone:
		delete(v.tests, e.Kernel)
	case e.Total > 0:
		v.tests[e.Kernel] = progress{settled: max(e.Settled, v.tests[e.Kernel].settled), total: e.Total}
	}
}

func subject(e vmtest.Event) string {
	if e.Test != "" && e.Stage == vmtest.StageTest {
		return e.Test
	}
	return string(e.Stage)
}

// line is "  1m02s  6.12  connsnoop/trace  pass  4.2s".
func (v *view) line(e vmtest.Event) string {
	kernel := e.Kernel
	if kernel == "" {
		kernel = "all"
	}
	out := fmt.Sprintf("%7s  %-5s %-36s", v.now().Sub(v.start).Round(time.Second), kernel, subject(e))
	if e.Begin {
		return strings.TrimRight(out+" ... "+oneLine(e.Text), " ")
	}
	if e.Outcome != "" {
		out += " " + v.paint(e.Outcome)
	}
	out += fmt.Sprintf(" %6.1fs  %s", e.Took.Seconds(), oneLine(e.Text))
	return strings.TrimRight(out, " ")
}

// paint colours an outcome on a terminal; the word itself says it anyway.
func (v *view) paint(o report.Outcome) string {
	text := fmt.Sprintf("%-12s", o)
	if !v.color {
		return text
	}
	code := "31"
	switch {
	case o == report.Pass:
		code = "32"
	case o == report.Skip:
		code = "33"
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (v *view) clear() {
	if v.live {
		fmt.Fprint(v.w, "\r\x1b[K")
	}
}

// status rewrites the last line with how far each kernel is, and what is
// running: "1m02s  5.10 7/19  6.1 0/19 | 5.10 connsnoop/exact test 4s | ...".
func (v *view) status() {
	if !v.live || len(v.running) == 0 {
		return
	}
	var kernels, parts []string
	for kernel, p := range v.tests {
		kernels = append(kernels, fmt.Sprintf("%s %d/%d", kernel, p.settled, p.total))
	}
	for name, since := range v.running {
		parts = append(parts, fmt.Sprintf("%s %ds", name, int(v.now().Sub(since).Seconds())))
	}
	sort.Strings(kernels)
	sort.Strings(parts)
	if len(kernels) > 0 {
		parts = append([]string{strings.Join(kernels, "  ")}, parts...)
	}
	text := fmt.Sprintf("%7s  %s", v.now().Sub(v.start).Round(time.Second), strings.Join(parts, " | "))
	if v.width > 4 && len(text) > v.width-1 {
		text = text[:v.width-4] + "..."
	}
	v.clear()
	fmt.Fprint(v.w, text)
}

// maxLineBytes bounds what of a text is shown; the report holds all of it.
const maxLineBytes = 400

// oneLine makes text from a guest harmless on a terminal.
func oneLine(s string) string {
	short := s[:min(len(s), maxLineBytes)]
	if len(s) > maxLineBytes {
		short += " ..."
	}
	clean := strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(short, "?"))
	return strings.Join(strings.Fields(clean), " ")
}
