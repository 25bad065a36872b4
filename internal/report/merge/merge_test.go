package merge_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/internal/report"
	"namespaces-cgroups-ebpf/internal/report/merge"
)

// made is a report of the given tests on the given kernels, all passed.
func made(series, tests string) report.Report {
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	r := report.Report{
		Schema: report.Schema,
		Run: report.Run{
			StartedAt: start, FinishedAt: start.Add(time.Minute), DurationNS: 60e9, Tier: "default", Seed: "7", HarnessVersion: "devel",
			Host: report.Host{Kernel: "6.1.0", Arch: "amd64", CPUCount: 2}, QEMUVersion: "7.2",
			Accelerator: report.Accelerator{Name: "kvm", Reason: "it works"},
			Programs:    []report.Program{{Name: "x", SHA256: strings.Repeat("a", 64)}},
			Stages:      []report.Stage{{Name: "test", WallNS: 5, BusyNS: 7}},
		},
		Kernels: []report.Kernel{}, Results: []report.Result{}, Quota: []report.Quota{},
	}
	for _, s := range strings.Fields(series) {
		r.Kernels = append(r.Kernels, report.Kernel{
			Series: s, Release: s + ".1", Outcome: report.Pass, BootNS: 1, ShutdownReason: "guest-shutdown", AttemptsCount: 1,
			ConsoleLog: s + "/console.log", Packages: []report.Package{},
		})
		for _, id := range strings.Fields(tests) {
			r.Results = append(r.Results, passed(s, id))
		}
		r.Quota = append(r.Quota, report.Quota{Deliverable: "d", Kernel: s + ".1", UsedNS: 0, QuotaNS: 10e9, Within: true})
	}
	r.Summarize()
	return r
}

func passed(series, id string) report.Result {
	zero := 0
	deliverable, entry, _ := strings.Cut(id, "/")
	return report.Result{
		ID: id, Deliverable: deliverable, Entry: entry, Kernel: series + ".1", Series: series, Outcome: report.Pass,
		DurationNS: 2e9, ExitCode: &zero, Artifacts: []report.Artifact{}, Reproduce: "again",
	}
}

// shard makes a report the i-th of n.
func shard(r report.Report, i, n int, series, tests string) report.Report {
	r.Run.Shard = &report.Shard{Index: i, Count: n}
	r.Run.Planned = &report.Planned{Series: strings.Fields(series), Tests: strings.Fields(tests)}
	return r
}

func part(name string, r report.Report) merge.Part {
	return merge.Part{Name: name, SHA256: strings.Repeat("0", 63-len(name)) + "e" + name, Report: r}
}

func parts(reports ...report.Report) []merge.Part {
	var all []merge.Part
	for i, r := range reports {
		all = append(all, part(string(rune('a'+i)), r))
	}
	return all
}

func TestJoin(t *testing.T) {
	kernels := []report.Report{made("5.1", "d/a d/b"), made("5.2", "d/a d/b")}
	tests := []struct {
		name    string
		reports []report.Report
		options merge.Options
		green   bool
		exit    int
		lost    string // cells
	}{
		{"one kernel each", kernels, merge.Options{}, true, 0, ""},
		{"kernels that were asked for", kernels, merge.Options{Kernels: []string{"5.1", "5.2"}}, true, 0, ""},
		{"kernel is missing", kernels, merge.Options{Kernels: []string{"5.3"}}, false, 128, "5.3 d/a, 5.3 d/b"},
		{"test is missing on a kernel", []report.Report{made("5.1", "d/a d/b"), made("5.2", "d/a")}, merge.Options{}, false, 128, "5.2 d/b"},
		{"tests apart", []report.Report{made("5.1", "d/a"), made("5.1", "d/b")}, merge.Options{}, true, 0, ""},
		{"both shards", []report.Report{
			shard(made("5.1", "d/a"), 1, 2, "5.1 5.2", "d/a"), shard(made("5.2", "d/a"), 2, 2, "5.1 5.2", "d/a"),
		}, merge.Options{}, true, 0, ""},
		{"shard of a kernel is missing", []report.Report{shard(made("5.1", "d/a"), 1, 2, "5.1 5.2", "d/a")}, merge.Options{}, false, 128, "5.2 d/a"},
		{"shard of tests is missing", []report.Report{shard(made("5.1", "d/a"), 1, 2, "5.1", "d/a d/b")}, merge.Options{}, false, 128, "5.1 d/b"},
		{"missing shard had nothing, or so it seems", []report.Report{shard(made("5.1", "d/a"), 1, 2, "5.1", "d/a")}, merge.Options{}, false, 128, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, err := merge.Join(parts(tt.reports...), tt.options)
			require.NoError(t, err)
			require.Equal(t, tt.green, r.Summary.Green)
			require.Equal(t, tt.exit, r.ExitCode())
			var lost []string
			for _, result := range r.Results {
				if result.Outcome == report.Lost {
					lost = append(lost, result.Series+" "+result.ID)
				}
			}
			require.Equal(t, tt.lost, strings.Join(lost, ", "))
			require.NoError(t, report.Write(t.TempDir(), r), "it is valid")
			require.Len(t, r.Parts, len(tt.reports))
		})
	}
}

func TestJoinRefuses(t *testing.T) {
	a := func() report.Report { return made("5.1", "d/a") }
	b := func(change func(*report.Report)) report.Report {
		r := made("5.2", "d/a")
		change(&r)
		return r
	}
	same := parts(a(), a())
	same[1].SHA256 = same[0].SHA256
	tests := []struct {
		name  string
		parts []merge.Part
		want  string
		force bool // joins them
	}{
		{"none", nil, "0 reports", false},
		{"same report", same, "a and b are the same report", false},
		{"same cell", parts(a(), a()), "a and b both have d/a on 5.1", false},
		{"other tier", parts(a(), b(func(r *report.Report) { r.Run.Tier = "full" })), "b of tier full", false},
		{"other harness", parts(a(), b(func(r *report.Report) { r.Run.HarnessVersion = "v2" })), `b by "v2"`, true},
		{"other program", parts(a(), b(func(r *report.Report) {
			r.Run.Programs = []report.Program{{Name: "x", SHA256: strings.Repeat("b", 64)}}
		})), "another build of x", true},
		{"other guests", parts(
			b(func(r *report.Report) { r.Run.Guest = &report.Guest{MemoryBytes: 1 << 30, CPUCount: 2} }),
			b(func(r *report.Report) {
				r.Kernels[0].Series, r.Results[0].Series = "5.1", "5.1"
				r.Run.Guest = &report.Guest{MemoryBytes: 1 << 30, CPUCount: 2, KernelArgs: []string{"quiet"}}
			}),
		), "a and b had guests of different kinds", true},
		{"other kernel", parts(made("5.1", "d/b"), b(func(r *report.Report) {
			r.Kernels[0].Series, r.Results[0].Series = "5.1", "5.1"
		})), "another build of kernel 5.1", true},
		{"shard and whole", parts(a(), shard(made("5.2", "d/a"), 2, 2, "5.1 5.2", "d/a")), "only one is a shard", false},
		{"shards of other counts", parts(shard(a(), 1, 2, "5.1 5.2", "d/a"), shard(made("5.2", "d/a"), 2, 3, "5.1 5.2", "d/a")), "b is shard 2/3", false},
		{"same shard", parts(shard(a(), 1, 2, "5.1 5.2", "d/a"), shard(made("5.2", "d/a"), 1, 2, "5.1 5.2", "d/a")), "both shard 1/2", false},
		{"shard beyond the last", parts(shard(a(), 3, 2, "5.1", "d/a")), "a is shard 3/2", false},
		{"other plan", parts(shard(a(), 1, 2, "5.1 5.2", "d/a"), shard(made("5.2", "d/a"), 2, 2, "5.1 5.2", "d/a d/b")), "different plans", false},
		{"not in the plan", parts(shard(a(), 1, 1, "5.1", "d/b")), "a: d/a on 5.1 is not in the plan", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := merge.Join(tt.parts, merge.Options{})
			require.ErrorContains(t, err, tt.want)
			_, err = merge.Join(tt.parts, merge.Options{Force: true})
			require.Equal(t, tt.force, err == nil, err)
		})
	}
}

// TestJoinSumsUp: what is said of all is made from what each has shown.
func TestJoinSumsUp(t *testing.T) {
	a, b := made("5.1", "d/a"), made("5.1", "d/b")
	a.Kernels[0].Outcome, a.Kernels[0].Reason, a.Kernels[0].Release = report.Infra, "no boot", ""
	a.Quota[0].Within, b.Quota[0].QuotaNS = false, 3e9
	b.Run.Seed, b.Run.FinishedAt, b.Run.Accelerator = "8", b.Run.FinishedAt.Add(time.Minute), report.Accelerator{Name: "tcg", Reason: "no /dev/kvm"}
	b.Run.Slowdown, b.Results[0].DurationNS = 4, 8e9
	a.Summary.PassCount, a.Summary.Green = 99, true
	base, peers := report.Image{Name: "base", Hash: "1"}, report.Image{Name: "peers", Hash: "2"}
	a.Kernels[0].Images, b.Kernels[0].Images = []report.Image{base}, []report.Image{peers, base}
	b.Run.Guest = &report.Guest{MemoryBytes: 1 << 30, CPUCount: 2}
	r, err := merge.Join(parts(a, b), merge.Options{})
	require.NoError(t, err)
	require.Equal(t, report.Kernel{
		Series: "5.1", Release: "5.1.1", Outcome: report.Infra, Reason: "no boot", BootNS: 1, ShutdownReason: "guest-shutdown",
		AttemptsCount: 2, ConsoleLog: "5.1/console.log", Packages: []report.Package{},
		Images: []report.Image{base, peers},
	}, r.Kernels[0])
	require.Equal(t, 2, r.Summary.PassCount)
	require.False(t, r.Summary.Green)
	require.Equal(t, []report.Quota{{Deliverable: "d", Kernel: "5.1.1", UsedNS: 10e9, ReferenceNS: 4e9, QuotaNS: 3e9}}, r.Quota)
	require.Equal(t, []report.Stage{{Name: "test", WallNS: 5, BusyNS: 14}}, r.Run.Stages)
	require.EqualValues(t, 120e9, r.Run.DurationNS)
	require.Equal(t, report.Accelerator{Name: "tcg", Reason: "it works; no /dev/kvm"}, r.Run.Accelerator)
	require.Equal(t, []string{"7", "8"}, []string{r.Parts[0].Run.Seed, r.Parts[1].Run.Seed})
	require.Len(t, r.Run.Programs, 1)
	require.Equal(t, b.Run.Guest, r.Run.Guest)
}

// write puts a report and files of it into a directory of its own.
func write(t *testing.T, r report.Report, files map[string]string) string {
	dir := t.TempDir()
	for name, text := range files {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	r.Summarize()
	require.NoError(t, report.Write(dir, r))
	return dir
}

func open(t *testing.T, paths ...string) []merge.Part {
	var all []merge.Part
	for _, path := range paths {
		p, err := merge.Open(path)
		require.NoError(t, err)
		all = append(all, p)
	}
	return all
}

func TestCollect(t *testing.T) {
	a, b := made("5.1", "d/a"), made("5.1", "d/b")
	a.Results[0].Artifacts = []report.Artifact{{Path: "x", Schema: "conn-event/v1", Stored: "5.1/d/a/x",
		SHA256: "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"}}
	a.Results[0].Outcome, a.Results[0].Reason, a.Results[0].ConsoleLog = report.Fail, "x", "5.1/nosuch.log"
	from := []string{
		write(t, a, map[string]string{"5.1/console.log": "of a", "5.1/d/a/x": "x", "secret": "s", ".hidden": "h"}),
		write(t, b, map[string]string{"5.1/console.log": "of b", "5.1/d/b/stdout.log": "out"}),
	}
	require.NoError(t, os.Symlink("/etc/passwd", filepath.Join(from[0], "5.1", "link")))
	require.NoError(t, os.Symlink("/etc", filepath.Join(from[1], "5.1", "dir")))
	out := filepath.Join(t.TempDir(), "a", "b")
	for range 2 { // the second time over the first
		all := open(t, from...)
		require.NoError(t, merge.Collect(all, out))
		require.NoFileExists(t, filepath.Join(out, report.JSONFile))
		var names []string
		require.NoError(t, filepath.WalkDir(out, func(path string, d os.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				rel, _ := filepath.Rel(out, path)
				names = append(names, rel)
			}
			return err
		}))
		require.Equal(t, []string{"5.1/console.log", "5.1/d/a/x", "5.1/d/b/stdout.log", "part-2/5.1/console.log"}, names)
		require.Equal(t, "5.1/d/a/x", all[0].Report.Results[0].Artifacts[0].Stored)
		require.Empty(t, all[0].Report.Results[0].ConsoleLog, "a file that is not there is not named")
		require.Equal(t, "part-2/5.1/console.log", all[1].Report.Kernels[0].ConsoleLog)
		r, err := merge.Join(all, merge.Options{})
		require.NoError(t, err)
		require.NoError(t, report.Write(out, r))
	}
}

func TestCollectRefuses(t *testing.T) {
	r := made("5.1", "d/a")
	r.Results[0].Artifacts = []report.Artifact{{Path: "x", Schema: "conn-event/v1", Stored: "5.1/x", SHA256: strings.Repeat("0", 64)}}
	r.Results[0].Outcome, r.Results[0].Reason = report.Fail, "x"
	dir := write(t, r, map[string]string{"5.1/x": "something else"})
	require.ErrorContains(t, merge.Collect(open(t, dir), t.TempDir()), "5.1/x is not the file that the report tells of")

	for _, out := range []string{dir, filepath.Dir(dir)} {
		require.ErrorContains(t, merge.Collect(open(t, dir), out), "is in the output directory")
	}
	link := filepath.Join(t.TempDir(), "link")
	require.NoError(t, os.Symlink(dir, link))
	require.ErrorContains(t, merge.Collect(open(t, dir), link), "is in the output directory")
	require.FileExists(t, filepath.Join(dir, "5.1", "x"), "nothing was cleared")
}

func TestOpenRefuses(t *testing.T) {
	_, err := merge.Open(t.TempDir())
	require.ErrorContains(t, err, "open report")
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, report.JSONFile), []byte("{}"), 0o644))
	_, err = merge.Open(dir)
	require.ErrorContains(t, err, "not a vmtest-report/v1")
	r, err := merge.Join(parts(made("5.1", "d/a")), merge.Options{})
	require.NoError(t, err)
	_, err = merge.Open(write(t, r, nil))
	require.ErrorContains(t, err, "is merged already")
}

// TestMissingShardIsNamed: by what it would have shown, or else by a row of its
// own.
func TestMissingShardIsNamed(t *testing.T) {
	for want, planned := range map[string]string{"5.1 5.2": "5.1 5.2", "5.1 shard-2-of-2": "5.1"} {
		r, err := merge.Join(parts(shard(made("5.1", "d/a"), 1, 2, planned, "d/a")), merge.Options{})
		require.NoError(t, err)
		require.Len(t, r.Kernels, 2)
		require.Equal(t, want, r.Kernels[0].Series+" "+r.Kernels[1].Series)
		require.Equal(t, report.Lost, r.Kernels[1].Outcome)
		require.Equal(t, "missing shard: 2/2", r.Kernels[1].Reason)
	}
}
