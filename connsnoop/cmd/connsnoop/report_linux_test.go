package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/connsnoop"
	"namespaces-cgroups-ebpf/internal/doctor"
	"namespaces-cgroups-ebpf/internal/exitcode"
)

// requireGolden compares got with a file, or writes it with -update.
func requireGolden(t *testing.T, name string, got []byte) {
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.WriteFile(path, got, 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), string(got))
}

// TestStatsText shows the statistics as people see them.
func TestStatsText(t *testing.T) {
	stats := connsnoop.Stats{Opened: 5, Closed: 4, Failed: 1, Live: 1, Submitted: 3, RingFull: 1, Seeded: 1}
	report := connsnoop.StatsReport{
		Stats: stats, Identities: stats.Balances(),
		Aggregates: []connsnoop.Aggregate{
			{Comm: "nginx", Port: 443, Direction: connsnoop.Accept, Cgroup: connsnoop.Cgroup{ID: 7, Path: "/system.slice/nginx.service"},
				Opened: 4, Closed: 3, TxBytes: 100191, RxBytes: 81},
			{Port: 9, Direction: connsnoop.Connect, Opened: 1, Closed: 1, Failed: 1},
		},
	}
	report.Identities[0].Right++
	report.Identities[0].Holds = false
	var got bytes.Buffer
	require.NoError(t, writeReport(&got, report))
	requireGolden(t, "stats.golden", got.Bytes())

	got.Reset()
	require.NoError(t, writeReport(&got, connsnoop.StatsReport{}))
	require.Contains(t, got.String(), "no connections\n")
}

// TestCheckText shows an examination as people see it.
func TestCheckText(t *testing.T) {
	works, why := connsnoop.BackendKprobe, "bpf_link_kprobe_multi not supported"
	report := connsnoop.CheckReport{
		OK: true, Backend: &works,
		Backends: []connsnoop.BackendCheck{{Backend: connsnoop.BackendKprobeMulti, Reason: &why}, {Backend: works, Usable: true}},
		Checks: []doctor.Check{
			{Title: "kernel", Status: doctor.OK, Value: "5.10.0-46-cloud-amd64"},
			{Title: "kprobes", Status: doctor.Warn, Value: "none", Detail: "the backend kprobe cannot attach", Remedy: "use another"},
		},
	}
	var got bytes.Buffer
	require.NoError(t, writeCheck(&got, report, false))
	requireGolden(t, "check.golden", got.Bytes())

	got.Reset()
	report.OK = false
	require.NoError(t, writeCheck(&got, report, false))
	require.Contains(t, got.String(), "connsnoop cannot record connections here\n")
}

func TestVerdict(t *testing.T) {
	require.NoError(t, verdict(connsnoop.StatsReport{OK: true}))
	for text, r := range map[string]connsnoop.StatsReport{
		"no record of 2 connections": {Lost: 2}, "do not add up": {},
	} {
		err := verdict(r)
		require.ErrorContains(t, err, text)
		require.Equal(t, exitcode.Inconclusive, exitcode.Of(err))
	}
}

func TestChoice(t *testing.T) {
	var b connsnoop.Backend
	c := choice[connsnoop.Backend]{&b, connsnoop.BackendAuto, connsnoop.Backends(), "BACKEND"}
	require.Equal(t, "auto", c.String())
	require.NoError(t, c.Set("kprobe"))
	require.Equal(t, connsnoop.BackendKprobe, b)
	require.Equal(t, "kprobe", c.String())
	require.ErrorContains(t, c.Set("xdp"), "must be auto, fentry")
}
