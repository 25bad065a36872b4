package bpftour_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	bpftour "namespaces-cgroups-ebpf/bpf-tour"
)

// fakeBpftrace writes a script that answers --version and otherwise does
// what body says.
func fakeBpftrace(t testing.TB, version, body string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "bpftrace")
	script := fmt.Sprintf("#!/bin/sh\nif [ \"$1\" = --version ]; then echo 'bpftrace v%s'; exit; fi\n%s\n", version, body)
	require.NoError(t, os.WriteFile(path, []byte(script), 0o700))
	return path
}

// replay is a body that prints a recorded output around the wait for SIGINT.
func replay(attached, end string) string {
	return fmt.Sprintf("trap 'cat <<\"E\"\n%s\nE\nexit 0' INT\ncat <<\"E\"\n%s\nE\nwhile :; do sleep 0.02; done", end, attached)
}

const attachedLines = `{"type": "attached_probes", "data": {"probes": 1}}
__BPFTRACE_NOTIFY_PROBES_ATTACHED`

// fakeRoots is a machine that has everything that the recipe needs.
func fakeRoots(t testing.TB, r bpftour.Recipe) bpftour.Roots {
	t.Helper()
	dir := t.TempDir()
	roots := bpftour.Roots{Tracing: []string{filepath.Join(dir, "none"), filepath.Join(dir, "tracing")}, BTF: filepath.Join(dir, "vmlinux")}
	files := []string{"vmlinux", "tracing/kprobe_events", "tracing/events/enable"}
	for _, p := range r.Probes {
		var group, name string
		if n, _ := fmt.Sscanf(split(p), "tracepoint %s %s", &group, &name); n == 2 {
			files = append(files, filepath.Join("tracing/events", group, name, "id"))
		}
	}
	for _, f := range files {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, f)), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(dir, f), nil, 0o600))
	}
	return roots
}

func split(probe string) string {
	out := []byte(probe)
	for i, b := range out {
		if b == ':' {
			out[i] = ' '
		}
	}
	return string(out)
}

func lookup(t testing.TB, name string) bpftour.Recipe {
	t.Helper()
	r, err := bpftour.Lookup(name)
	require.NoError(t, err)
	return r
}
