package verdict_test

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/internal/report"
	"namespaces-cgroups-ebpf/vmtest/internal/plan"
	"namespaces-cgroups-ebpf/vmtest/internal/verdict"
	"namespaces-cgroups-ebpf/vmtest/internal/wire"
)

// The first splat is the reason, and what user space wrote is none.
func TestSplatIsChargedToItsTest(t *testing.T) {
	trace := green()
	trace.Runs[1].Kmsg = []wire.Kmsg{{Text: "BUG: forged", Facility: 1}}
	_, exit := judge(trace)
	require.Equal(t, report.Pass, exit.Outcome, exit.Reason)
	trace.Runs[1].Kmsg = append(trace.Runs[1].Kmsg, wire.Kmsg{Text: "UBSAN: first"}, wire.Kmsg{Text: "BUG: second"})
	gotest, exit := judge(trace)
	require.Equal(t, report.Pass, gotest.Outcome)
	require.Equal(t, report.Splat, exit.Outcome)
	require.Equal(t, "kernel sanitizer report: UBSAN: first", exit.Reason)
	require.Len(t, exit.Complaint, 2)
}

// TestRecorded judges a trace of a real VM on 6.12 that was lost under a later
// test: the test that had passed before is taken back.
func TestRecorded(t *testing.T) {
	data, err := os.ReadFile("testdata/lost-6.12.json")
	require.NoError(t, err)
	var trace verdict.Trace
	require.NoError(t, json.Unmarshal(data, &trace))
	e := plan.Entry{
		Deliverable: "bpf-tour", ID: "opensnoop", Result: plan.ResultGoTest,
		Artifacts: []plan.Artifact{{Path: "opensnoop.json", Schema: "recipe-result/v1"}},
	}
	require.Equal(t, report.Pass, verdict.Preview(e, trace).Outcome)
	got := verdict.Judge([]plan.Entry{e}, trace)[0]
	require.Equal(t, report.Lost, got.Outcome)
	require.Equal(t, "no done frame: run connsnoop.test: guest lost: EOF", got.Reason)
	trace.Fault, trace.Shutdown, trace.Done = "", "guest-shutdown", &wire.Done{Runs: 1}
	require.Equal(t, report.Pass, verdict.Judge([]plan.Entry{e}, trace)[0].Outcome)
}
