package main

import (
	"bytes"
	"context"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/internal/bench"
	"namespaces-cgroups-ebpf/internal/cli"
	"namespaces-cgroups-ebpf/internal/exitcode"
)

func TestUsage(t *testing.T) {
	for name, tt := range map[string]struct {
		args []string
		want string
	}{
		"argument":   {[]string{"x"}, "unknown command"},
		"no samples": {[]string{"-n", "0"}, "--samples 0"},
		"runs":       {[]string{"--runs", "-1"}, "--runs -1"},
	} {
		t.Run(name, func(t *testing.T) {
			var out, diagnostics bytes.Buffer
			require.Equal(t, exitcode.Usage, cli.Run(context.Background(), newRoot(), tt.args, &out, &diagnostics))
			require.Contains(t, diagnostics.String(), tt.want)
			require.Empty(t, out.String())
		})
	}
}

// TestConclude: a target that is missed, and a contestant that was not
// measured, are never a success.
func TestConclude(t *testing.T) {
	cmd := newRoot()
	cmd.SetOut(new(bytes.Buffer))
	o := options{}
	r := bench.Report{Series: []bench.Series{bench.NewSeries("a", "", "m", []time.Duration{2})}}
	require.NoError(t, o.conclude(cmd, r))
	skipped := r
	skipped.Series = append(skipped.Series, bench.Skipped("runc", "", "m", "not there"))
	require.Equal(t, exitcode.Inconclusive, exitcode.Of(o.conclude(cmd, skipped)))
	r.Leaks = []bench.Leak{{Name: "mounts", Runs: 1, Left: []string{"/x"}}}
	require.Equal(t, exitcode.Fail, exitcode.Of(o.conclude(cmd, r)))
}

// TestCountersSeeLeaks: what is counted shows up when there is one more.
func TestCountersSeeLeaks(t *testing.T) {
	before, err := entries("/proc/self/fd")
	require.NoError(t, err)
	dir, err := os.MkdirTemp(t.TempDir(), "own-mini-container")
	require.NoError(t, err)
	leaked, err := os.Open(dir)
	require.NoError(t, err)
	defer leaked.Close()
	after, err := entries("/proc/self/fd")
	require.NoError(t, err)
	require.NotEmpty(t, fresh(before, after))
	require.Empty(t, fresh(after, after))

	found, err := directories(dir, "")
	require.NoError(t, err)
	require.Len(t, found, 1)
	require.NoError(t, os.MkdirAll(dir+"/"+own+"/abc", 0o755))
	found, err = directories(dir, own)
	require.NoError(t, err)
	require.Len(t, found, 1)
	namespaces, err := links("/proc/self/ns/net")
	require.NoError(t, err)
	require.Len(t, namespaces, 1)
}
