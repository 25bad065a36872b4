package main

import (
	"bufio"
	"bytes"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/connsnoop"
)

var anEvent = connsnoop.Event{
	Kind: connsnoop.KindClosed, Backend: connsnoop.BackendKprobe, Result: connsnoop.ResultOK, PIDSource: connsnoop.PIDAccept,
	Direction: connsnoop.Accept, Opener: connsnoop.Identity{PID: 127, Comm: "busybox"}, State: "CLOSE_WAIT",
	Local:  netip.MustParseAddrPort("[2001:db8::1]:4444"),
	Remote: netip.MustParseAddrPort("[2001:db8::2]:35120"),
	Opened: time.Second, Closed: 2500 * time.Millisecond, TxBytes: 3, RxBytes: 6,
}

func TestWriters(t *testing.T) {
	tests := []struct {
		name, format, want string
	}{
		{"json lines", "json", `{"schema":"conn-event/v1"`},
		{"table", "table", "TIME         EVENT     PID COMM            DIR     LOCAL "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			write, err := newWriter(tt.format)
			require.NoError(t, err)
			var out bytes.Buffer
			require.NoError(t, write(&out, anEvent))
			first := out.Len()
			require.NoError(t, write(&out, anEvent))
			require.True(t, strings.HasPrefix(out.String(), tt.want), out.String())
			require.LessOrEqual(t, out.Len()-first, first)
			require.True(t, strings.HasSuffix(out.String(), "\n"))
		})
	}
}

func TestOutput(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events")
	require.NoError(t, os.WriteFile(path, []byte("old"), 0o600))
	out, err := openOutput(path, nil)
	require.NoError(t, err)
	require.NoError(t, writeJSON(out, anEvent))
	require.NoError(t, out.close(nil))
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	require.True(t, bytes.HasPrefix(got, []byte(`{"schema"`)))

	_, err = openOutput(filepath.Join(path, "below-a-file"), nil)
	require.ErrorContains(t, err, "open output")
}

// TestOutputFull: a full disk is told once, and by name.
func TestOutputFull(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	require.NoError(t, err)
	out := &output{bufio.NewWriter(full), full}
	require.NoError(t, writeJSON(out, anEvent))
	err = out.close(out.Flush())
	require.ErrorIs(t, err, syscall.ENOSPC)
	require.EqualError(t, err, "write event: write /dev/full: no space left on device")
}
