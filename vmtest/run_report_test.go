package vmtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/internal/report"
	"namespaces-cgroups-ebpf/schemas"
	"namespaces-cgroups-ebpf/vmtest/internal/kernels"
	"namespaces-cgroups-ebpf/vmtest/internal/plan"
	"namespaces-cgroups-ebpf/vmtest/internal/qemu"
	"namespaces-cgroups-ebpf/vmtest/internal/verdict"
	"namespaces-cgroups-ebpf/vmtest/internal/wire"
)

const testPlan = `{"schema":"vm-plan/v1","deliverable":"bpf-tour","entries":[
 {"id":"list","argv":["bpf-tour","list"],"result":"exit","timeout_ns":5000000000,"tier":"default",
  "needs":{"features":[],"modules":[],"init":"guest","root":true,"image":"base"},"kernels":[],
  "artifacts":[{"path":"-","schema":"recipe-list/v1"}]},
 {"id":"killed","argv":["bpf-tour","killed"],"result":"exit","timeout_ns":5000000000,"tier":"default",
  "needs":{"features":["cgroup.kill"],"modules":[],"init":"guest","root":true,"image":"base"},"kernels":[],"artifacts":[]},
 {"id":"slow","argv":["bpf-tour","slow"],"result":"exit","timeout_ns":5000000000,"tier":"full",
  "needs":{"features":[],"modules":[],"init":"guest","root":true,"image":"base"},"kernels":[],"artifacts":[]}]}`

const testRelease = "5.10.0-46-cloud-amd64"

// testRunner is a run of testPlan that has got as far as the first report.
func testRunner(t *testing.T) *runner {
	repo := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(repo, "bpf-tour"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(repo, "bpf-tour", plan.File), []byte(testPlan), 0o644))
	require.NoError(t, os.Mkdir(filepath.Join(repo, "bin"), 0o755))
	for _, name := range []string{"bpf-tour", "bpf-tour.test"} {
		require.NoError(t, os.WriteFile(filepath.Join(repo, "bin", name), nil, 0o755))
	}
	r, err := newRunner(RunConfig{
		Config: Config{CacheDir: filepath.Join(repo, "cache")},
		Repo:   repo, Out: filepath.Join(repo, "out"), Tier: plan.TierDefault, Kernels: []string{"5.10"}, Seed: 7,
	})
	require.NoError(t, err)
	t.Cleanup(r.close)
	r.calibrate = func(context.Context) (float64, error) { return 0.9, nil }
	return r
}

// opened makes the run's kernel one that was fetched, and returns the first
// cell that waits for a VM.
func opened(t *testing.T, r *runner) *cellRun {
	r.fetched = []fetchedKernel{{Kernel: kernels.Kernel{
		Series: "5.10", Release: testRelease, Version: "5.10.1-1", Suite: "bullseye", Packages: []kernels.Package{
			{Name: "linux-image", Version: "5.10.1-1", File: "a.deb", SHA256: strings.Repeat("a", 64), Source: "mirror"},
		},
	}}}
	r.images = map[string]*assets{"base": {}}
	waiting := r.open()
	r.queue = newQueue(waiting, false)
	if len(waiting) == 0 {
		return nil
	}
	c, ok := r.queue.take(t.Context())
	require.True(t, ok)
	cr := &cellRun{kernelRun: r.kernels[0], cell: c, key: r.kernels[0].key(c), dir: filepath.Join(r.Out, "5.10", "bpf-tour", c.entry.ID), attempts: 1}
	require.NoError(t, os.MkdirAll(cr.dir, 0o755))
	return cr
}

// written reads the report back from the disk; it must fit its schema.
func written(t *testing.T, r *runner) report.Report {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(r.Out, report.JSONFile))
	require.NoError(t, err)
	require.Empty(t, schemas.Validate(report.Schema, data))
	var rep report.Report
	require.NoError(t, json.Unmarshal(data, &rep))
	return rep
}

func outcomes(rep report.Report) string {
	var all []string
	for _, r := range rep.Results {
		all = append(all, string(r.Outcome))
	}
	return strings.Join(all, " ")
}

// listed is a trace of testPlan on 5.10: list ran, killed does not apply.
func listed() verdict.Trace {
	return verdict.Trace{
		Release: testRelease, Hello: &wire.Hello{Release: testRelease}, Done: &wire.Done{Runs: 1}, Shutdown: "guest-shutdown",
		Runs: []verdict.Run{{ID: "bpf-tour/list", Exit: &wire.Exit{StdoutBytes: 2}, DurationNS: 1e9, Artifacts: []verdict.Artifact{{
			Path: "-", Report: &schemas.Report{
				Schema: schemas.ReportSchema, Document: "-", SHA256: strings.Repeat("b", 64), Against: "recipe-list/v1",
				Records: 1, Problems: []schemas.Problem{},
			},
		}}}},
	}
}

func TestSeededReportIsLost(t *testing.T) {
	r := testRunner(t)
	rep := written(t, r)
	require.Equal(t, "lost lost", outcomes(rep))
	require.False(t, rep.Summary.Green)
	require.Equal(t, report.Lost, rep.Kernels[0].Outcome)
	require.Equal(t, "bin/vmtest run --kernels 5.10 --tests bpf-tour/list --tier default --seed 7", rep.Results[0].Reproduce)
	require.FileExists(t, filepath.Join(r.Out, report.MarkdownFile))
	require.Equal(t, &report.Guest{MemoryBytes: DefaultMemoryBytes, CPUCount: DefaultCPUs}, rep.Run.Guest)
}

// TestGuestIsReported: what was asked for beyond the usual guest is in the
// report and in the command that runs a test again.
func TestGuestIsReported(t *testing.T) {
	r := testRunner(t)
	r.MemoryBytes, r.CPUs, r.KernelArgs, r.Modules = 2<<30, 1, []string{"a=1", "b='2'"}, []string{"veth"}
	r.seedReport()
	rep := written(t, r)
	require.Equal(t, &report.Guest{MemoryBytes: 2 << 30, CPUCount: 1, KernelArgs: r.KernelArgs, Modules: r.Modules}, rep.Run.Guest)
	require.True(t, strings.HasSuffix(rep.Results[0].Reproduce, ` --memory 2048M --cpus 1 --append 'a=1 b='\''2'\''' --module veth`), rep.Results[0].Reproduce)
	usual := testRunner(t)
	require.NotEqual(t, opened(t, usual).key, opened(t, r).key, "another guest is another ground")
}

// TestImagesAreReported: a kernel's row names every root disk of its tests.
func TestImagesAreReported(t *testing.T) {
	r := testRunner(t)
	r.cells[1].entry.Needs.Image = "peers"
	base, peers := &assets{accelerator: qemu.Accelerator{Name: "tcg", Reason: "asked for"}}, &assets{}
	base.image.Hash, peers.image.Hash = "1", "2"
	r.images = map[string]*assets{"base": base, "peers": peers}
	r.provenance(base)
	require.NoError(t, r.write())
	row := written(t, r).Kernels[0]
	require.Equal(t, []report.Image{{Name: "base", Hash: "1"}, {Name: "peers", Hash: "2"}}, row.Images)
	require.Equal(t, "1", row.ImageHash)
}

// TestReportsFitTheirSchema plays how a run may go on, and reads what is
// written. Reports of all endings are valid, and only one of them is green.
func TestReportsFitTheirSchema(t *testing.T) {
	vm := func() *VM {
		return &VM{Release: testRelease, BootDuration: 4 * time.Second, Accelerator: qemu.Accelerator{Name: "tcg", Reason: "no /dev/kvm"}}
	}
	judged := func(change func(*verdict.Trace)) func(*testing.T, *runner) {
		return func(t *testing.T, r *runner) {
			c, trace := opened(t, r), listed()
			change(&trace)
			c.booted(vm())
			c.judge(trace, report.VMStats{AttemptsCount: 1})
		}
	}
	exit := func(x wire.Exit) func(*testing.T, *runner) {
		return judged(func(t *verdict.Trace) { t.Runs[0].Exit = &x })
	}
	tests := []struct {
		name string
		play func(*testing.T, *runner)
		want string
		exit int
	}{
		{"green", judged(func(*verdict.Trace) {}), "pass skip", 0},
		{"nothing happened", func(*testing.T, *runner) {}, "lost lost", 128},
		{"fetched, then interrupted", func(t *testing.T, r *runner) { opened(t, r) }, "lost skip", 128},
		{"no image", func(_ *testing.T, r *runner) { r.blame(errors.New("mmdebstrap: exit status 25")) }, "infra infra", 128},
		{"no kernel", func(t *testing.T, r *runner) {
			r.fetched = []fetchedKernel{{err: kernels.ErrUnavailable}}
			require.Empty(t, r.open())
		}, "unavailable unavailable", 128},
		{"boot failed", func(t *testing.T, r *runner) {
			c := opened(t, r)
			trace := failedBoot(testRelease, &bootError{err: errors.New("no answer within 3m0s"), stderr: []byte("qemu: no")})
			c.bootFailed(trace, "5.10/console.log", time.Second)
			c.neverUp(trace, "5.10/console.log")
		}, "infra skip", 128},
		{"boot failed once", func(t *testing.T, r *runner) {
			c := opened(t, r)
			c.bootFailed(failedBoot(testRelease, errors.New("no answer within 3m0s")), "5.10/console.log", time.Second)
			c.booted(vm())
			c.judge(listed(), report.VMStats{AttemptsCount: 2})
		}, "pass skip", 0},
		{"guest lost", judged(func(t *verdict.Trace) {
			t.Runs[0].Exit, t.Done, t.Shutdown, t.Fault = nil, nil, "", "guest lost: EOF"
		}), "lost skip", 128},
		{"interrupted", judged(func(t *verdict.Trace) { t.Runs, t.Done, t.Shutdown, t.Fault = nil, nil, "", "interrupted" }), "lost skip", 128},
		{"guest died after the last test", judged(func(t *verdict.Trace) { t.Shutdown = "guest-reset" }), "lost skip", 128},
		{"panic", judged(func(t *verdict.Trace) {
			t.Runs[0].Exit, t.Done, t.Console = nil, nil, []byte("[    9.1] Kernel panic - not syncing: x\n")
		}), "panic skip", 1},
		{"splat", judged(func(t *verdict.Trace) {
			t.Runs[0].Kmsg = []wire.Kmsg{{Text: "healthy"}, {Text: "BUG: x"}, {Text: "Call Trace:"}}
		}), "splat skip", 1},
		{"timeout", judged(func(t *verdict.Trace) {
			t.Runs[0].TimedOut, t.Runs[0].Exit = true, &wire.Exit{Code: 131, Signal: 3}
		}), "timeout skip", 1},
		{"failed", exit(wire.Exit{Code: 1}), "fail skip", 1},
		{"inconclusive", exit(wire.Exit{Code: 3}), "inconclusive skip", 3},
		{"killed", exit(wire.Exit{Code: 137, Signal: 9}), "fail skip", 1},
		{"not started", exit(wire.Exit{Code: 127, Error: "no such file"}), "infra skip", 128},
		{"truncated", exit(wire.Exit{Truncated: true, StdoutBytes: 17 << 20}), "fail skip", 1},
		{"malformed exit", exit(wire.Exit{Code: -1, Signal: 999, StdoutBytes: -1}), "lost skip", 128},
		{"artifact missing", judged(func(t *verdict.Trace) { t.Runs[0].Artifacts[0] = verdict.Artifact{Path: "-", Missing: true} }), "fail skip", 1},
		{"artifact not validated", judged(func(t *verdict.Trace) {
			t.Runs[0].Artifacts[0], t.Runs[0].Fault = verdict.Artifact{Path: "-"}, "open artifact: not a regular file"
		}), "infra skip", 128},
		{"artifacts not fetched", judged(func(t *verdict.Trace) { t.Runs[0].Artifacts, t.Runs[0].Fault = nil, "get: refused" }), "infra skip", 128},
		{"over quota", judged(func(t *verdict.Trace) { t.Runs[0].DurationNS = 71e9 }), "pass skip", 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := testRunner(t)
			tt.play(t, r)
			require.NoError(t, r.write(), "while it runs")
			written(t, r)
			r.finish(t.Context())
			require.NoError(t, r.write())
			rep := written(t, r)
			require.Equal(t, tt.want, outcomes(rep))
			require.Equal(t, tt.exit, rep.ExitCode())
			require.Equal(t, tt.exit == 0, rep.Summary.Green)
			for _, result := range rep.Results {
				require.Equal(t, result.Outcome == report.Pass, result.Reason == "", result.Reason)
			}
		})
	}
}

func TestResultDetails(t *testing.T) {
	r := testRunner(t)
	c, trace := opened(t, r), listed()
	trace.Runs[0].Kmsg = []wire.Kmsg{{Text: "healthy"}, {Text: "BUG: x"}, {Text: "Call Trace:"}}
	trace.Console = []byte("[ 1.0] first\r\n[ 2.0] \x1b[31mlast\r\n")
	require.NoError(t, os.WriteFile(filepath.Join(c.dir, "stderr.log"), []byte("why: "+r.Out+"/x\n\n"), 0o644))
	result := c.judge(trace, report.VMStats{BootNS: 3e9, AttemptsCount: 1})
	require.Equal(t, []string{"BUG: x", "Call Trace:"}, result.Kmsg, "only what counts against it")
	require.Len(t, result.Artifacts, 1)
	require.Equal(t, "5.10/bpf-tour/list/stdout.log", result.Artifacts[0].Stored)
	require.Equal(t, "recipe-list/v1", result.Artifacts[0].Schema)
	require.EqualValues(t, 1e9, result.DurationNS)
	require.Equal(t, testRelease, result.Kernel)
	require.Equal(t, "test", result.FailedStage)
	require.Equal(t, "guest-root", result.Trust)
	require.EqualValues(t, 3e9, result.VM.BootNS)
	require.Equal(t, []string{"[ 1.0] first", "[ 2.0] [31mlast"}, result.ConsoleTail)
	require.Equal(t, "5.10/bpf-tour/list/console.log", result.ConsoleLog)
	require.FileExists(t, filepath.Join(r.Out, result.ConsoleLog))
	require.NoError(t, r.write())
	require.Equal(t, []string{"why: $OUT/x"}, written(t, r).Results[0].OutputTail)
}

func TestKernelLogIsBounded(t *testing.T) {
	r := testRunner(t)
	c, trace := opened(t, r), listed()
	for i := range 500 {
		trace.Runs[0].Kmsg = append(trace.Runs[0].Kmsg, wire.Kmsg{Text: fmt.Sprint("BUG: ", i)})
	}
	require.Len(t, c.judge(trace, report.VMStats{}).Kmsg, maxKmsg)
}

// KVM that was chosen but did not bring up the guest is not what the report
// names.
func TestReportNamesTheAcceleratorThatRan(t *testing.T) {
	r := testRunner(t)
	c := opened(t, r)
	r.report.Run.Accelerator = report.Accelerator{Name: "kvm", Reason: "0.1 s in the probe"}
	c.booted(&VM{Accelerator: qemu.Accelerator{Name: "tcg", Reason: "kvm did not bring up the guest"}})
	require.Equal(t, report.Accelerator{Name: "tcg", Reason: "kvm did not bring up the guest"}, r.report.Run.Accelerator)
}

func TestReportsHoldNoHostPath(t *testing.T) {
	r := testRunner(t)
	temp := filepath.Join(os.TempDir(), workPrefix+"123", "scratch")
	c := opened(t, r)
	r.blame(fmt.Errorf("open %s/kernels/x: denied; %s: full; %s/6.12: read-only; %s/bin/vmtest missing", r.CacheDir, temp, r.Out, r.Repo))
	trace := listed()
	trace.Fault = "qemu: " + r.CacheDir + "/images"
	c.store(trace, "")
	require.NoError(t, r.write())
	rep := written(t, r)
	require.Equal(t, "open $VMTEST_CACHE/kernels/x: denied; $TMPDIR/"+workPrefix+"123/scratch: full; $OUT/6.12: read-only; $REPO/bin/vmtest missing", rep.Results[0].Reason)
	require.Equal(t, rep.Results[0].Reason, rep.Kernels[0].Reason)
	kept, err := os.ReadFile(filepath.Join(c.dir, "trace.json"))
	require.NoError(t, err)
	require.NotContains(t, string(kept), r.Repo)
}

// TestQuotaIsForTheReferenceMachine: a slower machine may take longer, as far
// as it was measured to be slower.
func TestQuotaIsForTheReferenceMachine(t *testing.T) {
	tests := []struct {
		name   string
		ratio  float64
		used   time.Duration
		within bool
	}{
		{"within", 1, 70 * time.Second, true},
		{"over", 1, 71 * time.Second, false},
		{"slow machine", 2, 139 * time.Second, true},
		{"over on a slow machine too", 2, 141 * time.Second, false},
		{"not measured", 0, 71 * time.Second, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rep := Report{Run: report.Run{Slowdown: tt.ratio}, Results: []report.Result{
				{Series: "6.12", Deliverable: "bpf-tour", DurationNS: tt.used.Nanoseconds()},
				{Series: "6.12", Deliverable: "connsnoop", DurationNS: 9e18},
				{Series: "6.1", Deliverable: "bpf-tour", DurationNS: 9e18},
			}}
			q, ok := quota(rep, report.Kernel{Series: "6.12"}, plan.Plan{Deliverable: "bpf-tour"}, plan.TierDefault)
			require.True(t, ok)
			require.Equal(t, tt.within, q.Within)
			require.Equal(t, tt.used.Nanoseconds(), q.UsedNS, "what was measured is never bent")
		})
	}
}

func TestRunIsRefused(t *testing.T) {
	r := testRunner(t)
	tests := []struct {
		name   string
		change func(*RunConfig)
		want   string
	}{
		{"output directory in use", func(*RunConfig) {}, "is used by another run"},
		{"unknown series", func(c *RunConfig) { c.Kernels = []string{"4.19"} }, "series 4.19 is not in the list"},
		{"no series", func(c *RunConfig) { c.Kernels = []string{"newest"} }, `"newest" is no series`},
		{"unknown test", func(c *RunConfig) { c.Tests = []string{"bpf-tour/nosuch"} }, `no test matches "bpf-tour/nosuch"`},
		{"test of the other tier", func(c *RunConfig) { c.Tests = []string{"bpf-tour/slow"} }, "nothing to run"},
		{"unknown tier", func(c *RunConfig) { c.Tier = "quick" }, `tier "quick"`},
		{"unknown accelerator", func(c *RunConfig) { c.Accelerator = "warp" }, `accelerator "warp", want auto, kvm or tcg`},
		{"shard of nothing", func(c *RunConfig) { c.Shard = Shard{Index: 1} }, "shard 1/0"},
		{"shard beyond the last", func(c *RunConfig) { c.Shard = Shard{Index: 3, Count: 2} }, "shard 3/2"},
		{"more shards than cells", func(c *RunConfig) { c.Shard = Shard{Index: 5, Count: 5} }, "nothing to run: shard 5/5 is empty"},
		{"no plans", func(c *RunConfig) { c.Repo = filepath.Join(c.Repo, "bpf-tour") }, "no */vmtest.json"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := r.RunConfig
			tt.change(&c)
			rep, err := Run(t.Context(), c)
			require.ErrorContains(t, err, tt.want)
			require.Empty(t, rep.Schema, "nothing was started")
			require.Equal(t, strings.HasPrefix(tt.want, "nothing to run"), errors.Is(err, ErrNoTests))
		})
	}
}
