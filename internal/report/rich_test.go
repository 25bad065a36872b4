package report_test

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"strings"
	"testing"
	"time"

	"namespaces-cgroups-ebpf/internal/report"
	"namespaces-cgroups-ebpf/schemas"
)

// rich is a report as a real run makes it: five kernels, four deliverables, and
// one of each way to go wrong. Times are drawn from names, so that it is the
// same each time.
func rich() report.Report {
	r := sample()
	r.Run.DurationNS, r.Run.HarnessShareNS, r.Run.Slowdown = 231e9, 38e9, 1.6
	r.Run.FinishedAt = r.Run.StartedAt.Add(231 * time.Second)
	r.Run.HarnessVersion, r.Run.Seed = "(devel) 1a2b3c4d5e6f", "11529215046068469760"
	r.Run.Host = report.Host{Kernel: "6.12.43+deb13-amd64", Arch: "amd64", CPUCount: 4, MemoryBytes: 16 << 30}
	r.Run.Guest = &report.Guest{MemoryBytes: 1 << 30, CPUCount: 2}
	r.Run.Accelerator.Reason = "KVM took 6.1 s for what emulation does in 0.4 s"
	for i, s := range []string{"fetch", "image", "boot", "test", "teardown", "report"} {
		wall := []int64{3e9, 11e9, 21e9, 190e9, 4e9, 1e8}[i]
		r.Run.Stages = append(r.Run.Stages, report.Stage{Name: s, WallNS: wall, BusyNS: wall * int64(1+3*(i%2))})
	}
	for _, name := range []string{"bpf-tour", "connsnoop", "mini-container", "multi-tenant-cgroups"} {
		r.Run.Programs = append(r.Run.Programs, report.Program{Name: name, SHA256: strings.Repeat("3c", 32)})
	}
	for _, series := range []string{"5.10", "6.1", "6.12", "6.18", "7"} {
		r.Kernels = append(r.Kernels, richKernel(series))
		for _, id := range strings.Fields(`mini-container/isolation mini-container/mounts mini-container/exit-status
			mini-container/signals mini-container/user-namespace multi-tenant-cgroups/apply multi-tenant-cgroups/memory
			multi-tenant-cgroups/cpu multi-tenant-cgroups/pids multi-tenant-cgroups/killed bpf-tour/events bpf-tour/histograms
			bpf-tour/tcpconnect connsnoop/exact connsnoop/limits connsnoop/leak connsnoop/trace`) {
			r.Results = append(r.Results, richResult(series, id))
		}
	}
	r.Quota = append(r.Quota, report.Quota{Deliverable: "mini-container", Kernel: "5.10.1-cloud-amd64", UsedNS: 21e9, QuotaNS: 40e9, Within: true})
	r.Summarize()
	return r
}

func richKernel(series string) report.Kernel {
	k := kernel(series, report.Pass)
	k.ImageHash, k.ColdBootNS, k.SnapshotNS, k.BootNS = strings.Repeat("5d41402a", 8), 4_300_000_000, 900_000_000, 170_000_000
	k.Images = []report.Image{{Name: "base", Hash: k.ImageHash}, {Name: "peers", Hash: strings.Repeat("9e107d9d", 8)}}
	switch series {
	case "6.18":
		k = kernel(series, report.Unavailable)
		k.Optional, k.Reason = true, "kernel 6.18 is not to be had: trixie-backports has no linux-image-6.18"
	case "6.1":
		k.AttemptsCount = 2
		k.FailedAttempts = []report.Attempt{{Outcome: report.Infra, Reason: "panic before the first frame", DurationNS: 5e9}}
	}
	return k
}

func richResult(series, id string) report.Result {
	h := fnv.New32()
	fmt.Fprint(h, series, id)
	took := int64(h.Sum32()%9_000+200) * 1e6
	outcome := map[string]report.Outcome{
		"6.12connsnoop/exact": report.Fail, "7connsnoop/leak": report.Splat, "6.1multi-tenant-cgroups/killed": report.Panic,
		"5.10mini-container/signals": report.Timeout, "7multi-tenant-cgroups/cpu": report.Inconclusive, "6.1connsnoop/trace": report.Lost,
		"6.12bpf-tour/histograms": report.Infra, "5.10bpf-tour/tcpconnect": report.Skip, "5.10mini-container/user-namespace": report.Skip,
	}[series+id]
	if series == "6.18" {
		outcome, took = report.Unavailable, 0
	}
	if outcome == "" {
		outcome = report.Pass
	}
	r := result(series, id, outcome)
	r.Kernel, r.DurationNS, r.Trust = series+".1-cloud-amd64", took, "guest-root"
	r.VM = &report.VMStats{Restored: true, BootNS: 160e6 + took/100, TeardownNS: 80e6, QEMUPeakRSSBytes: 310 << 20, AttemptsCount: 1}
	r.Tests = []report.Test{{Name: "TestVM", Outcome: report.Pass, DurationNS: took / 2}, {Name: "TestVM/inner", Outcome: report.Pass, DurationNS: took / 3}}
	trouble(&r)
	return r
}

// trouble fills in what goes with each bad ending.
func trouble(r *report.Result) {
	one := 1
	switch r.Outcome {
	case report.Fail:
		r.ExitCode, r.FailedStage = &one, "test"
		r.Reason = "exit status 1: --- FAIL: TestVMExact (1.20s)"
		r.OutputTail = []string{"=== RUN   TestVMExact", "    exact_vm_test.go:84: ", "        Error:       Not equal:", "                     expected: 100", "                     actual  : 99", "--- FAIL: TestVMExact (1.20s)", "FAIL"}
		r.Tests[1].Outcome, r.Tests[1].Reason = report.Fail, "exact_vm_test.go:84: expected 100, actual 99"
		r.Artifacts = []report.Artifact{{
			Path: "events.jsonl", Schema: "conn-event/v1", Present: true, SHA256: strings.Repeat("c", 64), Stored: "6.12/connsnoop/exact/artifacts/events.jsonl",
			Validation: &schemas.Report{
				Schema: schemas.ReportSchema, Document: "events.jsonl", SHA256: strings.Repeat("c", 64), Against: "conn-event/v1", Records: 99, Invalid: 1,
				Problems: []schemas.Problem{{Line: 17, Instance: "/remote_port", Keyword: "maximum", Message: "must be <= 65535 but found 70000"}},
			},
		}, {Path: "stats.json", Schema: "conn-event/v1"}}
	case report.Splat:
		r.Reason = "kernel warning while it ran: WARNING: CPU: 1 PID: 412 at kernel/bpf/syscall.c:210"
		r.Kmsg = []string{"------------[ cut here ]------------", "WARNING: CPU: 1 PID: 412 at kernel/bpf/syscall.c:210 bpf_map_put+0x5a/0x90", "CPU: 1 PID: 412 Comm: connsnoop Not tainted 7.0.2-cloud-amd64 #1", "Call Trace:", " <TASK>", " bpf_map_release+0x2c/0x50", " __fput+0xe3/0x2a0", " </TASK>"}
	case report.Panic:
		r.Reason, r.FailedStage = "guest kernel panic: Fatal exception in interrupt", "test"
		r.ConsoleTail = []string{"[   31.204418] BUG: kernel NULL pointer dereference, address: 0000000000000008", "[   31.205101] RIP: 0010:css_free_rwork_fn+0x41/0x360", "[   31.219400] Kernel panic - not syncing: Fatal exception in interrupt", "[   31.219991] ---[ end Kernel panic - not syncing: Fatal exception in interrupt ]---"}
		r.ConsoleLog = "6.1/console-2.log"
	case report.Timeout:
		r.Reason, r.Signal = "did not end within 20s; goroutines dumped on SIGQUIT", 9
	case report.Lost, report.Infra, report.Unavailable:
		r.VM, r.Tests, r.FailedStage = nil, nil, "boot"
	case report.Skip:
		r.Reason = "CLONE_NEWTIME needs kernel >= 5.13, running 5.10.1-cloud-amd64"
	}
}

// TestSamples keeps the reports that the browser check opens.
func TestSamples(t *testing.T) {
	old := rich()
	old.Run.StartedAt = old.Run.StartedAt.Add(-24 * time.Hour)
	for i := range old.Results {
		r := &old.Results[i]
		if r.Series == "6.18" {
			continue
		}
		took := r.DurationNS
		*r = result(r.Series, r.ID, report.Pass)
		r.DurationNS = max(1e8, took)
		if i%9 == 4 {
			r.DurationNS += int64(i%5)*12e8 - 15e8
		}
	}
	old.Results = append(old.Results[:3], old.Results[4:]...)
	old.Results[1].Outcome, old.Results[1].Reason = report.Fail, "exit status 1"
	old.Kernels[0].Release = "5.10.0-cloud-amd64"
	old.Summarize()
	green := rich()
	green.Results = nil
	for _, r := range old.Results {
		if r.Outcome == report.Pass || r.Series == "6.18" {
			green.Results = append(green.Results, r)
		}
	}
	green.Summarize()
	for name, r := range map[string]report.Report{"rich": rich(), "older": old, "hostile": hostilePage(), "green": green} {
		data, err := json.MarshalIndent(r, "", "")
		if err != nil {
			t.Fatal(err)
		}
		golden(t, "sample/"+name+".json", append(data, '\n'))
		for _, p := range schemas.Validate(report.Schema, data) {
			t.Error(name, p)
		}
	}
}

// hostilePage tries to break out of each place of a page.
func hostilePage() report.Report {
	r := rich()
	attacks := []string{
		`</script><script>document.title="owned"</script>`, `"><img src=x onerror="document.title='owned'">`,
		`<a href="javascript:document.title='owned'">x</a>`, `</style><style>body{display:none}</style>`, `{{.CSP}} ${document.title='owned'}`,
		`</details></pre></textarea><!-- <iframe src="http://example.org/"></iframe>`, "\x1b]0;owned\x07\x1b[31mred\u202eesrever\x00",
		`<svg onload="document.title='owned'">`, strings.Repeat("wide", 400), `<meta http-equiv="refresh" content="0;url=http://example.org/">`,
	}
	for i := range r.Results {
		attack := attacks[i%len(attacks)]
		result := &r.Results[i]
		if result.Outcome == report.Pass {
			result.Outcome = report.Fail
		}
		result.Reason = attack
		if i >= len(attacks) {
			continue
		}
		result.Reproduce, result.Kernel = attack, attack
		result.OutputTail, result.ConsoleTail, result.Kmsg = attacks, attacks, attacks
		result.Tests = []report.Test{{Name: attack, Outcome: report.Fail, Reason: attack}}
		result.Artifacts = []report.Artifact{{Path: attack, Schema: "conn-event/v1"}}
	}
	for i := range r.Kernels {
		k := &r.Kernels[i]
		k.Release, k.Reason, k.Suite, k.PackageVersion, k.ShutdownReason = attacks[i], attacks[i], attacks[i], attacks[i], attacks[i]
	}
	r.Run.HarnessVersion, r.Run.QEMUVersion, r.Run.Accelerator.Reason, r.Run.Host.Kernel = attacks[0], attacks[1], attacks[2], attacks[7]
	r.Summarize()
	return r
}
