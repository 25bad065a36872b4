package verdict_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/internal/report"
	"namespaces-cgroups-ebpf/schemas"
	"namespaces-cgroups-ebpf/vmtest/internal/plan"
	"namespaces-cgroups-ebpf/vmtest/internal/verdict"
	"namespaces-cgroups-ebpf/vmtest/internal/wire"
)

const (
	release = "5.10.0-46-cloud-amd64"
	passing = "\x16=== RUN   TestTrace\n\x16--- PASS: TestTrace (0.10s)\n\x16=== NAME  \n\x16PASS\n"
	crash   = "[   12.345678] Kernel panic - not syncing: sysrq triggered crash\r\n"
)

func goEntry() plan.Entry {
	return plan.Entry{
		Deliverable: "connsnoop", ID: "trace", Result: plan.ResultGoTest, TimeoutNS: 20e9,
		Artifacts: []plan.Artifact{{Path: "events.jsonl", Schema: "conn-event/v1"}},
	}
}

func exitEntry() plan.Entry {
	return plan.Entry{Deliverable: "bpf-tour", ID: "list", Result: plan.ResultExit, TimeoutNS: 5e9}
}

func valid(path, against string) verdict.Artifact {
	return verdict.Artifact{Path: path, Report: &schemas.Report{Against: against, Records: 4}}
}

// green is a trace of goEntry and exitEntry without a flaw. Each test spoils
// one thing.
func green() verdict.Trace {
	return verdict.Trace{
		Release: release,
		Hello:   &wire.Hello{Protocol: wire.Protocol, Release: release},
		Runs: []verdict.Run{
			{
				ID: "connsnoop/trace", Exit: &wire.Exit{StdoutBytes: int64(len(passing))}, Stdout: []byte(passing),
				Kmsg:      []wire.Kmsg{{Text: "clocksource: Switched to clocksource tsc"}},
				Artifacts: []verdict.Artifact{valid("events.jsonl", "conn-event/v1")},
			},
			{ID: "bpf-tour/list", Exit: &wire.Exit{}},
		},
		Done:     &wire.Done{FramesSent: 20, Runs: 2},
		Shutdown: "guest-shutdown",
		Console:  []byte("[    1.000000] Run /init as init process\r\n"),
	}
}

func judge(t verdict.Trace) (gotest, exit verdict.Result) {
	results := verdict.Judge([]plan.Entry{goEntry(), exitEntry()}, t)
	return results[0], results[1]
}

func TestGreen(t *testing.T) {
	gotest, exit := judge(green())
	require.Equal(t, report.Pass, gotest.Outcome, gotest.Reason)
	require.Equal(t, report.Pass, exit.Outcome, exit.Reason)
	require.Empty(t, gotest.Reason)
	require.Equal(t, "connsnoop/trace", gotest.ID)
	require.NotNil(t, gotest.Run)
}

// TestNeverFalseGreen spoils one thing of a green trace at a time. Both
// entries' outcomes are given, since some faults take back everything that
// ran in the VM and others only their own test.
func TestNeverFalseGreen(t *testing.T) {
	const pass, lost, infra, fail = report.Pass, report.Lost, report.Infra, report.Fail
	tests := []struct {
		name         string
		spoil        func(*verdict.Trace)
		gotest, exit report.Outcome
		reason       string // part of the worst one
	}{
		{"no hello", func(t *verdict.Trace) { t.Hello, t.Fault = nil, "no answer within 3m0s" }, infra, infra, "init never answered: no answer within 3m0s"},
		{"panic before hello", func(t *verdict.Trace) { t.Hello, t.Console = nil, []byte(crash) }, infra, infra, "kernel panic before init"},
		{"wrong release booted", func(t *verdict.Trace) { t.Hello.Release = "6.1.0-1-amd64" }, infra, infra, "booted 6.1.0-1-amd64, want " + release},
		{"no runs at all", func(t *verdict.Trace) { t.Runs, t.Done.Runs = nil, 0 }, lost, lost, "never ran"},
		{"record missing", func(t *verdict.Trace) { t.Runs, t.Done.Runs = t.Runs[:1], 1 }, pass, lost, "never ran"},
		{"recorded twice", func(t *verdict.Trace) { t.Runs, t.Done.Runs = append(t.Runs, t.Runs[1]), 3 }, pass, lost, "recorded 2 times"},
		{"no exit record", func(t *verdict.Trace) { t.Runs[0].Exit, t.Done.Runs = nil, 1 }, lost, pass, "no exit record"},
		{"no exit record, panic on the console", func(t *verdict.Trace) { t.Runs[0].Exit, t.Done, t.Console = nil, nil, []byte(crash) }, report.Panic, lost, "sysrq triggered crash"},
		{"no exit record, timed out", func(t *verdict.Trace) { t.Runs[0].Exit, t.Runs[0].TimedOut, t.Done, t.Shutdown = nil, true, nil, "" }, report.Timeout, lost, "no longer obeys"},
		{"no exit record, protocol broken", func(t *verdict.Trace) {
			t.Runs[0].Exit, t.Done, t.Broken = nil, nil, "frame out of sequence"
		}, lost, lost, "frame out of sequence"},
		{"no exit record, host fault", func(t *verdict.Trace) {
			t.Runs[0].Exit, t.Runs[0].Fault, t.Done.Runs = nil, "create stdout log: no space left on device", 1
		}, infra, pass, "no space left"},
		{"exit code out of range", func(t *verdict.Trace) { t.Runs[0].Exit.Code = 256 }, lost, pass, "malformed"},
		{"signal out of range", func(t *verdict.Trace) { t.Runs[0].Exit.Signal = -1 }, lost, pass, "malformed"},
		{"timeout though exit 0", func(t *verdict.Trace) { t.Runs[0].TimedOut = true }, report.Timeout, pass, "still running after 20s"},
		{"splat though exit 0", func(t *verdict.Trace) { t.Runs[0].Kmsg = []wire.Kmsg{{Text: "BUG: KASAN: use-after-free in foo"}} }, report.Splat, pass, "KASAN"},
		{"kernel log incomplete", func(t *verdict.Trace) { t.Runs[0].KmsgLostCount = 3 }, lost, pass, "3 lines of the kernel log"},
		{"host fault though exit 0", func(t *verdict.Trace) { t.Runs[0].Fault = "write output: no space left on device" }, infra, pass, "no space left"},
		{"not started", func(t *verdict.Trace) { t.Runs[0].Exit = &wire.Exit{Code: 127, Error: "no such file"} }, infra, pass, "not started: no such file"},
		{"exit signal", func(t *verdict.Trace) { t.Runs[0].Exit.Code, t.Runs[0].Exit.Signal = 137, 9 }, fail, pass, "signal 9"},
		{"exit signal with code 0", func(t *verdict.Trace) { t.Runs[1].Exit.Signal = 11 }, pass, fail, "signal 11"},
		{"exit 1", func(t *verdict.Trace) { t.Runs[1].Exit.Code = 1 }, pass, fail, "exit status 1"},
		{"exit 3 of a program", func(t *verdict.Trace) { t.Runs[1].Exit.Code = 3 }, pass, report.Inconclusive, "exit status 3"},
		{"exit 3 of Go tests", func(t *verdict.Trace) { t.Runs[0].Exit.Code = 3 }, fail, pass, "exit status 3"},
		{"exit 4 of a program", func(t *verdict.Trace) { t.Runs[1].Exit.Code = 4 }, pass, fail, "exit status 4"},
		{"leftovers", func(t *verdict.Trace) { t.Runs[1].Exit.Leftover = []string{"sleep[77]"} }, pass, fail, "sleep[77]"},
		{"truncated output", func(t *verdict.Trace) { t.Runs[1].Exit.Truncated = true }, pass, fail, "over the limit"},
		{"artifact missing", func(t *verdict.Trace) { t.Runs[0].Artifacts[0] = verdict.Artifact{Path: "events.jsonl", Missing: true} }, fail, pass, "events.jsonl is missing"},
		{"artifact not looked at", func(t *verdict.Trace) { t.Runs[0].Artifacts = nil }, lost, pass, "not looked at"},
		{"artifact not validated", func(t *verdict.Trace) { t.Runs[0].Artifacts[0].Report = nil }, lost, pass, "not validated"},
		{"artifact without records", func(t *verdict.Trace) { t.Runs[0].Artifacts[0].Report.Records = 0 }, fail, pass, "no record"},
		{"artifact invalid", func(t *verdict.Trace) {
			t.Runs[0].Artifacts[0].Report.Problems = []schemas.Problem{{Instance: "/pid", Message: "must be >= 1"}}
		}, fail, pass, "/pid: must be >= 1"},
		{"artifact of another schema", func(t *verdict.Trace) { t.Runs[0].Artifacts[0].Report.Against = "doctor/v1" }, lost, pass, "against doctor/v1"},
		{"another artifact in its place", func(t *verdict.Trace) { t.Runs[0].Artifacts[0].Path = "other.jsonl" }, lost, pass, "not looked at"},
		{"done frame missing", func(t *verdict.Trace) { t.Done = nil }, lost, lost, "no done frame"},
		{"done counts fewer runs", func(t *verdict.Trace) { t.Done.Runs = 1 }, lost, lost, "guest counts 1 runs, host recorded 2"},
		{"done counts more runs", func(t *verdict.Trace) { t.Done.Runs = 3 }, lost, lost, "guest counts 3 runs, host recorded 2"},
		{"fault beside a done frame", func(t *verdict.Trace) { t.Fault = "guest sent stdout after done" }, lost, lost, "after done"},
		{"panic after the last test", func(t *verdict.Trace) { t.Console = []byte(crash) }, lost, lost, "panic at the end"},
		{"guest reset itself", func(t *verdict.Trace) { t.Shutdown = "guest-reset" }, lost, lost, "guest-reset"},
		{"no shutdown event", func(t *verdict.Trace) { t.Shutdown = "" }, lost, lost, "did not shut down"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			trace := green()
			tt.spoil(&trace)
			gotest, exit := judge(trace)
			require.Equal(t, tt.gotest, gotest.Outcome, gotest.Reason)
			require.Equal(t, tt.exit, exit.Outcome, exit.Reason)
			worst := gotest
			if gotest.Outcome == report.Pass {
				worst = exit
			}
			require.Contains(t, worst.Reason, tt.reason)
		})
	}
}

// A panic that only a program wrote to the console changes nothing: the
// kernel stamps its own lines.
func TestForgedPanicOnConsole(t *testing.T) {
	trace := green()
	trace.Console = []byte("Kernel panic - not syncing: just kidding\n")
	gotest, _ := judge(trace)
	require.Equal(t, report.Pass, gotest.Outcome, gotest.Reason)
}

func TestApplies(t *testing.T) {
	e := exitEntry()
	e.Kernels = []string{"6.12"}
	ran := green()
	idle := green()
	idle.Runs, idle.Done.Runs = idle.Runs[:1], 1
	broken := green()
	broken.Release, broken.Hello.Release = "weird", "weird"
	tests := []struct {
		name  string
		trace verdict.Trace
		want  report.Outcome
	}{
		{"not for this kernel", idle, report.Skip},
		{"ran all the same", ran, report.Infra},
		{"release cannot be read", broken, report.Infra},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := verdict.Judge([]plan.Entry{e}, tt.trace)[0]
			require.Equal(t, tt.want, got.Outcome, got.Reason)
			require.NotEmpty(t, got.Reason)
		})
	}
}

// A skip that a test asked for is evidence from the VM, so the VM's end takes
// it back as it does a pass. That an entry does not apply needs no VM.
func TestEndTakesSkipsBack(t *testing.T) {
	trace := green()
	setStdout(&trace.Runs[0], skipped("skip: cgroup.kill needs kernel >= 5.14, running "+release))
	gotest, _ := judge(trace)
	require.Equal(t, report.Skip, gotest.Outcome, gotest.Reason)
	trace.Done = nil
	gotest, _ = judge(trace)
	require.Equal(t, report.Lost, gotest.Outcome, gotest.Reason)

	other := exitEntry()
	other.Kernels = []string{"6.12"}
	trace.Runs = trace.Runs[:1]
	require.Equal(t, report.Skip, verdict.Judge([]plan.Entry{other}, trace)[0].Outcome)
}

func TestPreview(t *testing.T) {
	trace := green()
	trace.Done, trace.Shutdown = nil, ""
	require.Equal(t, report.Pass, verdict.Preview(goEntry(), trace).Outcome)
	trace.Runs[0].Exit.Code = 1
	require.Equal(t, report.Fail, verdict.Preview(goEntry(), trace).Outcome)
}
