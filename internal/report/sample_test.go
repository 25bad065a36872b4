package report_test

import (
	"strings"
	"time"

	"namespaces-cgroups-ebpf/internal/report"
	"namespaces-cgroups-ebpf/schemas"
)

func kernel(series string, o report.Outcome) report.Kernel {
	k := report.Kernel{Series: series, Outcome: o, Packages: []report.Package{}}
	if o == report.Pass {
		k.Release, k.PackageVersion, k.Suite = series+".1-cloud-amd64", series+".1-1", "trixie"
		k.BootNS, k.DurationNS, k.AttemptsCount = 4_200_000_000, 31e9, 1
		k.ShutdownReason, k.ConsoleLog = "guest-shutdown", series+"/console.log"
		k.Packages = append(k.Packages, report.Package{
			Name: "linux-image", Version: series + ".1-1", SHA256: strings.Repeat("a", 64), Source: "mirror",
		})
		return k
	}
	k.Reason = "because of " + string(o)
	return k
}

func result(series, id string, o report.Outcome) report.Result {
	deliverable, entry, _ := strings.Cut(id, "/")
	r := report.Result{
		ID: id, Deliverable: deliverable, Entry: entry, Kernel: series, Series: series, Outcome: o,
		Artifacts: []report.Artifact{}, Reproduce: "bin/vmtest run --kernels " + series + " --tests " + id,
	}
	if o == report.Pass {
		zero := 0
		r.ExitCode, r.DurationNS = &zero, 1_500_000_000
		r.Artifacts = append(r.Artifacts, report.Artifact{
			Path: "run.json", Schema: "container-run/v1", Present: true, SHA256: strings.Repeat("b", 64),
			Validation: &schemas.Report{
				Schema: schemas.ReportSchema, Document: "run.json", SHA256: strings.Repeat("b", 64),
				Against: "container-run/v1", Records: 1, Problems: []schemas.Problem{},
			},
		})
		return r
	}
	r.Reason = "because of " + string(o)
	return r
}

// sample is a report of one deliverable on as many kernels as there are
// outcomes: 5.1, 5.2 and so on.
func sample(outcomes ...report.Outcome) report.Report {
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	r := report.Report{
		Schema: report.Schema,
		Run: report.Run{
			StartedAt: start, FinishedAt: start.Add(90 * time.Second), DurationNS: 90e9, Tier: "default", Seed: "7",
			HarnessVersion: "devel", Host: report.Host{Kernel: "6.1.0-49-amd64", Arch: "amd64", CPUCount: 2},
			QEMUVersion: "10.0.7", Accelerator: report.Accelerator{Name: "tcg", Reason: "no /dev/kvm"},
		},
		Kernels: []report.Kernel{}, Results: []report.Result{}, Quota: []report.Quota{},
	}
	for i, o := range outcomes {
		series := "5." + string(rune('1'+i))
		k := report.Pass
		if o == report.Unavailable || o == report.Lost || o == report.Infra {
			k = o
		}
		r.Kernels = append(r.Kernels, kernel(series, k))
		r.Results = append(r.Results, result(series, "mini-container/isolation", o))
	}
	return r
}

// hostile is a report with everything that a guest or a broken host might put
// into its texts.
func hostile() report.Report {
	r := sample(report.Pass, report.Fail, report.Lost, report.Splat, report.Skip, report.Timeout)
	r.Results[1].Reason = "a | b `code` \\| c\n| forged | row |\n# title <script>alert(1)</script> & ![x](http://example.org) __init *b* ~~s~~"
	r.Results[2].Reason = "\x00\x1b[31mred\x1b[0m\r\xff\xfe\u2028next\u202eesrever\x7f\ufffe"
	r.Results[3].Reason = strings.Repeat("long | ", 1<<20/7)
	r.Results[3].Reproduce = "bin/vmtest run --tests 'a|b`c\\d'"
	r.Results[5].Reason = strings.Repeat("ä", 300)
	r.Kernels[2].Reason = "qemu: ]]> --> \x01|"
	r.Quota = append(r.Quota, report.Quota{Deliverable: "mini-container", Kernel: "5.1", UsedNS: 41e9, QuotaNS: 40e9})
	r.Summarize()
	return r
}
