package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/internal/bench"
	"namespaces-cgroups-ebpf/internal/cli"
	"namespaces-cgroups-ebpf/internal/exitcode"
)

func TestUsage(t *testing.T) {
	tests := []struct {
		name string
		args []string
		want string
	}{
		{"argument", []string{"x"}, "unknown command"},
		{"no samples", []string{"-n", "0"}, "--samples 0"},
		{"tiny memory", []string{"--memory", "1"}, "--memory 1"},
		{"no kernel", []string{"--kernels", ""}, "need a kernel"},
		{"no init", []string{"--init", "/nonexistent"}, "run make build"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out, diagnostics bytes.Buffer
			require.Equal(t, exitcode.Usage, cli.Run(context.Background(), newRoot(), tt.args, &out, &diagnostics))
			require.Contains(t, diagnostics.String(), tt.want)
			require.Empty(t, out.String())
		})
	}
}

func TestEndsEarly(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	b := &benchmark{options: options{kernels: []string{"6.12"}, memoryMiB: []int64{1024}, samples: 1}}
	require.Error(t, b.run(ctx))
}

func TestShare(t *testing.T) {
	share := func(text string) bench.Series {
		b := &benchmark{options: options{report: filepath.Join(t.TempDir(), "report.json")}}
		if text != "" {
			require.NoError(t, os.WriteFile(b.options.report, []byte(text), 0o600))
		}
		b.share()
		return b.report.Series[0]
	}
	require.Contains(t, share("").SkipReason, "run make vmtest")
	require.NotEmpty(t, share("{}").SkipReason)
	text, err := os.ReadFile("../../../schemas/testdata/valid/vmtest-report/green.json")
	require.NoError(t, err)
	require.Contains(t, share(string(text)).SkipReason, "older vmtest")
	text = bytes.Replace(text, []byte(`"duration_ns"`), []byte(`"harness_share_ns": 61000000000, "duration_ns"`), 1)
	s := share(string(text))
	require.Empty(t, s.SkipReason)
	require.Equal(t, 61*time.Second, time.Duration(s.MedianNS))
	require.Equal(t, time.Minute, time.Duration(s.TargetNS))
}

func TestConclude(t *testing.T) {
	o := options{json: filepath.Join(t.TempDir(), "bench.json")}
	cmd := newRoot()
	cmd.SetOut(new(bytes.Buffer))
	r := bench.Report{Schema: bench.Schema, Series: []bench.Series{bench.NewSeries("a", "", "m", []time.Duration{2})}}
	require.NoError(t, o.conclude(cmd, r))
	r.Series[0].TargetNS = 1
	require.Equal(t, exitcode.Fail, exitcode.Of(o.conclude(cmd, r)))
	data, err := os.ReadFile(o.json)
	require.NoError(t, err)
	var back bench.Report
	require.NoError(t, json.Unmarshal(data, &back))
	require.Equal(t, r, back)
}
