package vmtest

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/internal/exitcode"
	"namespaces-cgroups-ebpf/internal/report"
	"namespaces-cgroups-ebpf/schemas"
)

// fares are results by kernel; the rest of the series passes.
type fares map[string]ExecResult

func failed(code int) ExecResult {
	return ExecResult{Outcome: report.Fail, Reason: "exit status", ExitCode: &code, BootNS: 1}
}

func passed() ExecResult { return ExecResult{Outcome: report.Pass, BootNS: 1, ExitCode: new(int)} }

// bisectWith runs a bisection over made-up results.
func bisectWith(t *testing.T, c BisectConfig, f fares) (BisectReport, error) {
	t.Helper()
	c.Argv, c.CacheDir = []string{"/x/test"}, t.TempDir()
	b, err := newBisection(t.Context(), c)
	if err != nil {
		return BisectReport{}, err
	}
	b.exec = func(_ context.Context, e ExecConfig) (ExecReport, error) {
		require.Len(t, e.Kernels, 1)
		r, ok := f[e.Kernels[0]]
		if !ok {
			r = passed()
		}
		return ExecReport{Results: []ExecResult{r}}, nil
	}
	b.run(t.Context())
	data, err := json.Marshal(b.report)
	require.NoError(t, err)
	require.Empty(t, schemas.Validate(BisectSchema, data), string(data))
	return b.report, nil
}

func TestBisect(t *testing.T) {
	unavailable := ExecResult{Outcome: report.Unavailable, Reason: "nowhere"}
	noBoot := ExecResult{Outcome: report.Infra, Reason: "no answer"}
	panicked := ExecResult{Outcome: report.Panic, Reason: "kernel panic", BootNS: 1}
	late := ExecResult{Outcome: report.Timeout, Reason: "still running", BootNS: 1, ExitCode: new(int)}
	lost := ExecResult{Outcome: report.Lost, Reason: "gone", BootNS: 1}
	splat := ExecResult{Outcome: report.Splat, Reason: "WARNING", BootNS: 1, ExitCode: new(int)}
	absent := failed(127)
	absent.Reason = notStarted + "no such file"
	bad := failed(1)
	tests := []struct {
		name       string
		good, bad  string
		list       []string
		fares      fares
		status     string
		candidates []string
		tested     int
		reason     string
		code       int
	}{
		{"broken in", "5.10", "7", nil, fares{"7": bad, "7.1": bad, "7.0": bad, "6.19": bad, "6.18": bad, "6.17": bad},
			BisectFound, []string{"6.17"}, 5, "", exitcode.Pass},
		{"fixed in", "7", "5.10", nil, fares{"5.10": bad, "6.1": bad},
			BisectFound, []string{"6.12"}, 5, "", exitcode.Pass},
		{"neighbours", "6.1", "6.12", nil, fares{"6.12": bad}, BisectFound, []string{"6.12"}, 2, "", exitcode.Pass},
		{"panic, timeout and splat are bad", "6.1", "7", []string{"6.1", "6.12", "6.18", "7"},
			fares{"7": panicked, "6.18": late, "6.12": splat}, BisectFound, []string{"6.12"}, 3, "", exitcode.Pass},
		{"skips", "6.1", "7", []string{"6.1", "6.12", "6.18", "7"}, fares{"7": bad, "6.18": failed(125), "6.12": unavailable},
			BisectRange, []string{"6.12", "6.18", "7"}, 4, "could not be tested", exitcode.Inconclusive},
		{"one that does not boot", "6.1", "7", []string{"5.10", "6.1", "6.12", "6.18", "7"}, fares{"7": bad, "6.18": bad, "6.12": noBoot},
			BisectRange, []string{"6.12", "6.18"}, 4, "could not be tested", exitcode.Inconclusive},
		{"good end is bad", "6.1", "7", nil, fares{"6.1": bad}, BisectRefuted, nil, 1, "6.1 was said to be good, but: bad: exit status", exitcode.Fail},
		{"bad end is good", "6.1", "7", nil, nil, BisectRefuted, nil, 2, "7 was said to be bad, but: good: pass", exitcode.Fail},
		{"end is nowhere", "6.1", "7", nil, fares{"6.1": unavailable}, BisectRefuted, nil, 1, "but: skip: unavailable: nowhere", exitcode.Fail},
		{"end does not boot", "6.1", "7", nil, fares{"6.1": noBoot}, BisectAborted, nil, 1, "but: skip: infra: no answer", exitcode.Harness},
		{"command says stop", "6.1", "6.18", nil, fares{"6.18": bad, "6.16": failed(129)}, BisectAborted, nil, 3, "aborted on 6.16", exitcode.Harness},
		{"command is not there", "6.1", "7", nil, fares{"6.1": absent}, BisectAborted, nil, 1, "not started: no such file", exitcode.Harness},
		{"guest is lost", "6.1", "7", nil, fares{"6.1": lost}, BisectAborted, nil, 1, "lost: gone", exitcode.Harness},
		{"interrupted", "6.1", "7", nil, fares{"6.1": {Outcome: report.Infra, Reason: errInterrupted.Error()}}, BisectAborted, nil, 1, "interrupted", exitcode.Harness},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := BisectConfig{Good: tt.good, Bad: tt.bad}
			c.Kernels = tt.list
			r, err := bisectWith(t, c, tt.fares)
			require.NoError(t, err)
			require.Equal(t, tt.status, r.Status, r.Reason)
			require.ElementsMatch(t, tt.candidates, r.Candidates)
			require.Equal(t, tt.tested, r.TestedCount)
			require.Contains(t, r.Reason, tt.reason)
			require.Equal(t, tt.code, r.ExitCode())
			require.Equal(t, tt.name == "fixed in", r.LookingFor == FirstGood)
		})
	}
}

func TestBisectRefuses(t *testing.T) {
	tests := []struct {
		name, good, bad string
		list            []string
		want            string
	}{
		{"no such series", "4.19", "7", nil, "series 4.19 is not in the list"},
		{"the same", "7", "7", nil, "both are 7"},
		{"the same of a list", "7", "7", []string{"6.1", "7"}, "are the same"},
		{"not in the list", "6.1", "7", []string{"6.12", "7"}, "must have both 6.1 and 7"},
		{"no order", "./a", "7", nil, "is neither a series nor a version"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := BisectConfig{Good: tt.good, Bad: tt.bad}
			c.Kernels = tt.list
			_, err := bisectWith(t, c, nil)
			require.ErrorContains(t, err, tt.want)
		})
	}
}

func TestBisectTellsSteps(t *testing.T) {
	var told []string
	var left []int
	c := BisectConfig{Good: "6.1", Bad: "6.18", Step: func(k BisectKernel, n int) { told, left = append(told, k.Spec), append(left, n) }}
	_, err := bisectWith(t, c, fares{"6.18": failed(1)})
	require.NoError(t, err)
	require.Equal(t, []string{"6.1", "6.18", "6.16", "6.17"}, told)
	require.Equal(t, []int{3, 2, 1, 0}, left)
}
