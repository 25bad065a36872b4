package vmtest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/vmtest/internal/plan"
	"namespaces-cgroups-ebpf/vmtest/internal/verdict"
	"namespaces-cgroups-ebpf/vmtest/internal/wire"
)

// TestWhoRunsAgain: a VM that a test has taken down takes the passes in it
// along, and only those get another one.
func TestWhoRunsAgain(t *testing.T) {
	const release = "6.12.1"
	entry := func(id string) plan.Entry {
		return plan.Entry{Deliverable: "x", ID: id, Result: plan.ResultExit}
	}
	entries := []plan.Entry{entry("passed"), entry("failed"), entry("crashed"), entry("too-new")}
	entries[3].Kernels = []string{"7"}
	trace := verdict.Trace{
		Release: release, Hello: &wire.Hello{Release: release}, Fault: "guest lost: EOF",
		Console: []byte("[   12.345678] Kernel panic - not syncing: sysrq triggered crash\n"),
		Runs: []verdict.Run{
			{ID: "x/passed", Exit: &wire.Exit{}},
			{ID: "x/failed", Exit: &wire.Exit{Code: 1}},
			{ID: "x/crashed"},
		},
	}
	again := passed(entries, trace)
	require.Len(t, again, 1)
	require.Equal(t, "x/passed", again[0].FullID())

	trace.Runs[2].Exit, trace.Console = &wire.Exit{}, nil
	again = passed(entries, trace)
	require.Len(t, again, 1, "who is lost after its exit is not run for ever")
	require.Equal(t, "x/passed", again[0].FullID())
}

func TestSpoiled(t *testing.T) {
	ran, refused := verdict.Run{Exit: &wire.Exit{Code: 1}}, verdict.Run{Exit: &wire.Exit{Code: 127, Error: "find x in PATH"}}
	tests := []struct {
		name string
		runs []verdict.Run
		want bool
	}{
		{"first of a fresh VM", []verdict.Run{refused}, false},
		{"after another one", []verdict.Run{ran, refused}, true},
		{"a failure is no reason", []verdict.Run{ran, ran}, false},
		{"no exit is no reason", []verdict.Run{ran, {}}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			require.Equal(t, tt.want, spoiled(verdict.Trace{Runs: tt.runs}))
		})
	}
}
