package main

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/internal/report"
	"namespaces-cgroups-ebpf/vmtest"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), got)
}

// clock stands still until it is told to go on.
type clock struct{ t time.Time }

func (c *clock) now() time.Time { return c.t }

func newTestView(w *bytes.Buffer) (*view, *clock) {
	c := &clock{time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	v := newView(w)
	v.now, v.start = c.now, c.t
	return v, c
}

// events is a run of two tests on one kernel, and a kernel that is not to be
// had, one second apart.
func events() []vmtest.Event {
	end := func(e vmtest.Event, o report.Outcome, took time.Duration, text string) vmtest.Event {
		e.Begin, e.Outcome, e.Took, e.Text = false, o, took, text
		return e
	}
	image := vmtest.Event{Stage: vmtest.StageImage, Begin: true, Text: "root disk"}
	fetch := vmtest.Event{Stage: vmtest.StageFetch, Kernel: "6.12", Begin: true}
	other := vmtest.Event{Stage: vmtest.StageFetch, Kernel: "6.18", Begin: true}
	boot := vmtest.Event{Stage: vmtest.StageBoot, Kernel: "6.12", Test: "connsnoop/trace", Begin: true, Total: 2}
	restore := vmtest.Event{Stage: vmtest.StageBoot, Kernel: "6.12", Test: "connsnoop/exact", Begin: true, Total: 2, Settled: 1}
	trace := vmtest.Event{Stage: vmtest.StageTest, Kernel: "6.12", Test: "connsnoop/trace", Begin: true, Total: 2}
	exact := vmtest.Event{Stage: vmtest.StageTest, Kernel: "6.12", Test: "connsnoop/exact", Begin: true, Total: 2, Settled: 1}
	restored := end(restore, report.Pass, 300*time.Millisecond, "6.12.117+deb13-cloud-amd64 under tcg")
	restored.Minor = true
	return []vmtest.Event{
		image,
		{Stage: vmtest.StageImage, Begin: true, Text: "unpacking \x1b]0;title\x07 packages\n"},
		end(image, report.Pass, 62*time.Second, ""),
		fetch, end(fetch, report.Pass, 3*time.Second, "6.12.117+deb13-cloud-amd64"),
		other, end(other, report.Unavailable, time.Second, "kernel 6.18 is not to be had:\nno mirror has it"),
		boot, end(boot, report.Pass, 4200*time.Millisecond, "6.12.117+deb13-cloud-amd64 under tcg"),
		trace, end(trace, report.Pass, 4200*time.Millisecond, ""),
		restore, restored,
		exact, end(exact, report.Fail, 900*time.Millisecond, "exit status 1: \x1b[31mTestVMExact\x1b[0m"),
		{Stage: vmtest.StageDone, Kernel: "6.12", Took: 70 * time.Second},
	}
}

func TestPlainLines(t *testing.T) {
	var b bytes.Buffer
	v, c := newTestView(&b)
	for _, e := range events() {
		e.Time = c.t
		v.event(e)
		c.t = c.t.Add(time.Second)
	}
	v.stop()
	require.NotContains(t, b.String(), "\x1b")
	golden(t, "plain.golden", b.String())
}

func TestLiveStatus(t *testing.T) {
	var b bytes.Buffer
	v, c := newTestView(&b)
	v.live, v.width = true, 60
	for _, e := range events()[:8] { // until it boots
		e.Time = c.t
		v.event(e)
	}
	c.t = c.t.Add(5 * time.Second)
	b.Reset()
	v.status()
	require.Equal(t, "\r\x1b[K     5s  6.12 0/2 | 6.12 connsnoop/trace boot 5s", b.String())
	v.event(vmtest.Event{Stage: vmtest.StageTest, Kernel: "6.1", Test: strings.Repeat("a", 90), Begin: true, Time: c.t})
	b.Reset()
	v.status()
	line := strings.TrimPrefix(b.String(), "\r\x1b[K")
	require.Less(t, len(line), 60, "it must not wrap")
	require.Contains(t, line, "...")
	v.stop()
	require.True(t, strings.HasSuffix(b.String(), "\r\x1b[K"))
}

func TestColor(t *testing.T) {
	v := &view{color: true}
	require.Contains(t, v.paint(report.Pass), "\x1b[32mpass")
	require.Contains(t, v.paint(report.Skip), "\x1b[33mskip")
	require.Contains(t, v.paint(report.Lost), "\x1b[31mlost")
	require.Equal(t, "pass        ", (&view{}).paint(report.Pass))
}

func TestOneLine(t *testing.T) {
	require.Equal(t, "a b c", oneLine(" a\n\tb\x00\x1b c\n"))
	require.Equal(t, "?x", oneLine("\xffx"))
	require.LessOrEqual(t, len(oneLine(strings.Repeat("a", 1<<20))), maxLineBytes+4)
}

func TestPrintReport(t *testing.T) {
	result := func(entry string, o report.Outcome, reason string) report.Result {
		return report.Result{
			ID: "connsnoop/" + entry, Deliverable: "connsnoop", Entry: entry, Series: "6.12", Kernel: "6.12.1",
			Outcome: o, Reason: reason, DurationNS: 2e9, Reproduce: "bin/vmtest run --tests connsnoop/" + entry,
		}
	}
	failed, lost := result("exact", report.Fail, "exit\nstatus 1"), result("gone", report.Lost, "guest lost: EOF")
	failed.Resumed = true
	failed.FailedStage, failed.OutputTail = "test", []string{"--- FAIL: TestExact", "    exact_test.go:7: \x1b[31mwant 1"}
	failed.ConsoleTail = []string{"not shown: the test itself has spoken"}
	lost.FailedStage, lost.ConsoleTail = "teardown", []string{"[    9.1] last line"}
	r := report.Report{
		Run:     report.Run{Slowdown: 1.25, Accelerator: report.Accelerator{Name: "tcg", Reason: "no /dev/kvm"}},
		Kernels: []report.Kernel{{Series: "6.12", Release: "6.12.1", Outcome: report.Pass}},
		Results: []report.Result{
			result("trace", report.Pass, ""), failed, lost, result("old", report.Skip, "needs 7.0"),
		},
		Quota: []report.Quota{{Deliverable: "connsnoop", Kernel: "6.12.1", UsedNS: 61e9, QuotaNS: 40e9}},
	}
	r.Summarize()
	var b bytes.Buffer
	require.NoError(t, printReport(&b, r, "out/vmtest"))
	golden(t, "report.golden", b.String())
	require.ErrorContains(t, printReport(closedPipe{}, r, "out"), "closed")
}

type closedPipe struct{}

func (closedPipe) Write([]byte) (int, error) { return 0, errors.New("closed") }
