package report_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/internal/report"
)

func TestSummarize(t *testing.T) {
	const pass, skip = report.Pass, report.Skip
	optional := func(r *report.Report) {
		for i := range r.Kernels {
			r.Kernels[i].Optional = true
		}
	}
	tests := []struct {
		name     string
		outcomes []report.Outcome
		change   func(*report.Report)
		green    bool
		exit     int
	}{
		{"all passed", []report.Outcome{pass, pass}, nil, true, 0},
		{"passed and skipped", []report.Outcome{pass, skip}, nil, true, 0},
		{"empty", nil, nil, false, 128},
		{"kernels without results", []report.Outcome{pass}, func(r *report.Report) { r.Results = nil }, false, 128},
		{"one kernel without results", []report.Outcome{pass, pass}, func(r *report.Report) { r.Results = r.Results[:1] }, false, 128},
		{"only skipped", []report.Outcome{skip, skip}, nil, false, 4},
		{"failed", []report.Outcome{pass, report.Fail}, nil, false, 1},
		{"timeout", []report.Outcome{pass, report.Timeout}, nil, false, 1},
		{"panic", []report.Outcome{pass, report.Panic}, nil, false, 1},
		{"splat", []report.Outcome{pass, report.Splat}, nil, false, 1},
		{"inconclusive", []report.Outcome{pass, report.Inconclusive, skip}, nil, false, 3},
		{"lost", []report.Outcome{pass, report.Lost}, nil, false, 128},
		{"infra", []report.Outcome{pass, report.Infra}, nil, false, 128},
		{"unavailable", []report.Outcome{pass, report.Unavailable}, nil, false, 128},
		{"unavailable and optional", []report.Outcome{pass, report.Unavailable}, optional, true, 0},
		{"nothing but optional and unavailable", []report.Outcome{report.Unavailable}, optional, false, 128},
		{"optional but failed", []report.Outcome{pass, report.Fail}, optional, false, 1},
		{"optional but lost", []report.Outcome{pass, report.Lost}, optional, false, 128},
		{"optional and unavailable, rest inconclusive", []report.Outcome{report.Inconclusive, report.Unavailable}, optional, false, 3},
		{"failed and lost", []report.Outcome{report.Fail, report.Lost}, nil, false, 1},
		{"inconclusive and lost", []report.Outcome{report.Inconclusive, report.Lost}, nil, false, 128},
		{"outcome of another set", []report.Outcome{pass, "flaky"}, nil, false, 128},
		{"no outcome", []report.Outcome{pass, ""}, nil, false, 128},
		{"within quota", []report.Outcome{pass}, func(r *report.Report) { r.Quota = []report.Quota{{Within: true}} }, true, 0},
		{"over quota", []report.Outcome{pass}, func(r *report.Report) { r.Quota = []report.Quota{{Within: true}, {}} }, false, 1},
		{"unavailable on a kernel that ran", []report.Outcome{pass, report.Unavailable}, func(r *report.Report) { r.Kernels[1].Outcome = pass }, false, 128},
		{"optional kernel died after its last test", []report.Outcome{pass, pass}, func(r *report.Report) {
			r.Kernels[1].Outcome, r.Kernels[1].Optional = report.Lost, true
		}, false, 128},
		{"kernel died after its last test", []report.Outcome{pass}, func(r *report.Report) { r.Kernels[0].Outcome = report.Lost }, false, 128},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := sample(tt.outcomes...)
			if tt.change != nil {
				tt.change(&r)
			}
			r.Summarize()
			require.Equal(t, tt.green, r.Summary.Green)
			require.Equal(t, tt.exit, r.ExitCode())
			require.Equal(t, len(r.Results), r.Summary.TotalCount)
			r.Summarize()
			require.Equal(t, len(r.Results), r.Summary.TotalCount, "counts must not add up over calls")
		})
	}
}

func TestOutcomes(t *testing.T) {
	for _, o := range report.Outcomes() {
		require.False(t, o.Green() && o.Harness(), o)
	}
	require.Len(t, report.Outcomes(), 10)
	require.Equal(t, "1 passed, 0 failed, 1 skipped, 1 lost", summary(report.Pass, report.Lost, report.Skip))
}

func summary(outcomes ...report.Outcome) string {
	r := sample(outcomes...)
	r.Summarize()
	return r.Summary.String()
}

func TestMatrix(t *testing.T) {
	r := sample(report.Pass, report.Skip, report.Unavailable)
	r.Results = append(r.Results,
		result("5.1", "mini-container/exit", report.Skip),
		result("5.1", "connsnoop/trace", report.Infra),
		result("5.1", "connsnoop/exact", report.Fail),
		result("9.9", "connsnoop/exact", report.Fail)) // of no kernel in the list
	m := report.NewMatrix(r)
	require.Equal(t, []string{"mini-container", "connsnoop"}, m.Deliverables)
	var got [][]string
	for _, row := range m.Rows {
		cells := []string{row.Kernel}
		for _, c := range row.Cells {
			cells = append(cells, c.String())
		}
		got = append(got, cells)
	}
	require.Equal(t, [][]string{
		{"5.1.1-cloud-amd64", "pass 2/2 2s", "fail 0/2 0s"},
		{"5.2.1-cloud-amd64", "skip 1/1 0s", "-"},
		{"5.3", "unavailable 0/1 0s", "-"},
	}, got)
}
