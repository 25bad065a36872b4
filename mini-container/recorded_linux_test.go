package minicontainer

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/mini-container/internal/record"
	"namespaces-cgroups-ebpf/schemas"
)

// TestExplainRecording: who made a call, in which step, and what it is for.
func TestExplainRecording(t *testing.T) {
	r := &record.Recording{Exit: 3, LeftOut: 9, Steps: []string{"clone", "pivot-root", "no step of ours"}, Calls: []*record.Call{
		{PID: 5, Main: true, Step: "clone", Name: "clone", Arguments: []string{"CLONE_NEWPID"}, Result: "6", Info: record.Catalogue()["clone"]},
		{PID: 6, Step: "pivot-root", Name: "pivot_root", Arguments: []string{`"."`, `"."`}, Result: "EPERM", Info: record.Catalogue()["pivot_root"]},
		{PID: 5, Main: true, Step: "cgroup", Undo: true, Name: "unlinkat", Arguments: []string{}, Info: record.Catalogue()["unlinkat"]},
	}}
	e := explainRecording(r)
	require.Equal(t, []string{"clone", "pivot-root"}, []string{e.Steps[0].Step, e.Steps[1].Step})
	require.Equal(t, 3, e.Recorded.ExitCode)
	require.Equal(t, 9, e.Recorded.LeftOut)
	require.Equal(t, []string{BySupervisor, ByChild, BySupervisor}, []string{e.Recorded.Calls[0].By, e.Recorded.Calls[1].By, e.Recorded.Calls[2].By})
	data, err := json.Marshal(e)
	require.NoError(t, err)
	require.Empty(t, schemas.Validate(ExplainSchema, data))
}

// TestNarrator: a call is explained once, below what it is part of.
func TestNarrator(t *testing.T) {
	var out strings.Builder
	n := &narrator{out: &out, told: map[string]bool{}}
	n.Step("pivot-root")
	call := &record.Call{PID: 6, Step: "pivot-root", Name: "fchdir", Arguments: []string{"5"}, Result: "0", Info: record.Catalogue()["fchdir"]}
	n.Call(call)
	n.Call(call)
	n.Call(&record.Call{PID: 5, Step: "cgroup", Undo: true, Name: "fchdir", Info: record.Catalogue()["fchdir"]})
	n.Call(&record.Call{PID: 5, Name: "fchdir", Info: record.Catalogue()["fchdir"]})
	text := out.String()
	require.Contains(t, text, "pivot-root (child): ")
	require.Equal(t, 2, strings.Count(text, "  [6] fchdir(5) = 0\n"))
	require.Equal(t, 1, strings.Count(text, "fchdir(2): "))
	require.Contains(t, text, "\ntaking back cgroup\n  [5] fchdir() = ?\n")
	require.Contains(t, text, "\noutside of all steps\n")
}
