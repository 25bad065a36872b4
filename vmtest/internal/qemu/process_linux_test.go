package qemu_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/vmtest/internal/qemu"
)

// script is a program that is started in QEMU's place. The descriptors that a
// QEMU would use are 3 (console), 4 (port) and 5 (monitor).
func script(t *testing.T, body string) qemu.Machine {
	path := filepath.Join(t.TempDir(), "qemu")
	require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\n"+body+"\n"), 0o755))
	return qemu.Machine{Binary: path}
}

func TestStartOfABrokenQEMU(t *testing.T) {
	const patience = 500 * time.Millisecond
	tests := []struct {
		name, body string
		want       string
	}{
		{"ends at once", "echo no such machine >&2; exit 1", "(qemu: exit status 1: no such machine)"},
		{"closes its monitor", "exec 5>&-; sleep 60", "qmp"},
		{"says nothing", "exec sleep 60", "out of patience (qemu: killed by us)"},
		{"is a wrapper that says nothing", "sleep 60; exit 0", "out of patience (qemu: killed by us)"},
		{"ends before what it has started", "setsid sleep 4 & echo gone >&2", "gone"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeoutCause(t.Context(), patience, errors.New("out of patience"))
			defer cancel()
			begin := time.Now()
			_, err := qemu.Start(ctx, script(t, tt.body), "port")
			require.ErrorContains(t, err, tt.want)
			require.Less(t, time.Since(begin), 20*time.Second, "nobody waits for what hangs")
		})
	}
}

func TestStartWithoutQEMU(t *testing.T) {
	_, err := qemu.Start(t.Context(), qemu.Machine{Binary: "/nonexistent/qemu"}, "port")
	require.ErrorContains(t, err, "ci/install-deps.sh")
	t.Setenv("PATH", t.TempDir())
	require.ErrorContains(t, qemu.Installed(), "ci/install-deps.sh")
	require.Equal(t, "unknown", qemu.Version())
}

// TestEnding: who reads a report learns whether QEMU died or was killed.
func TestEnding(t *testing.T) {
	greeting := `read -r request <&5; printf '{"return":{},"id":1}\n' >&5; `
	off := `printf '{"event":"SHUTDOWN","data":{"reason":"guest-reset"}}\n' >&5; `
	tests := []struct {
		name, body, want string
	}{
		{"shut down", greeting + off + "exit 0", "qemu: exit status 0 after guest-reset"},
		{"crashed", greeting + "echo corrupt >&2; kill -KILL $$", "qemu: signal: killed: corrupt"},
		{"had to be killed", greeting + "exec sleep 60", "qemu: killed by us"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, err := qemu.Start(t.Context(), script(t, tt.body), "port")
			require.NoError(t, err)
			p.Settle(2 * time.Second)
			require.NoError(t, p.Close())
			require.Equal(t, tt.want, p.Ending())
		})
	}
}
