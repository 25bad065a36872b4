package qemu

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// fakeTimes answers for each accelerator; a negative time is an error, a huge
// one hangs until the context ends.
func fakeTimes(kvm, tcg time.Duration) func(context.Context, Accelerator) (time.Duration, error) {
	return func(ctx context.Context, a Accelerator) (time.Duration, error) {
		took := tcg
		if a.Name == "kvm" {
			took = kvm
		}
		switch {
		case took < 0:
			return 0, errors.New("exit status 1")
		case took > time.Minute:
			<-ctx.Done()
			return 0, ctx.Err()
		}
		return took, nil
	}
}

func TestChoose(t *testing.T) {
	device := filepath.Join(t.TempDir(), "kvm")
	require.NoError(t, os.WriteFile(device, nil, 0o600))
	missing := filepath.Join(t.TempDir(), "kvm")
	tests := []struct {
		name, request, device string
		kvm, tcg              time.Duration
		want, reason, err     string
	}{
		{"healthy", "auto", device, 200 * time.Millisecond, 150 * time.Millisecond, "kvm", "within its budget", ""},
		{"default is auto", "", device, 200 * time.Millisecond, 150 * time.Millisecond, "kvm", "within its budget", ""},
		{"no device", "auto", missing, 0, 0, "tcg", "no such file", ""},
		{"crawls", "auto", device, time.Hour, 150 * time.Millisecond, "tcg", "did not boot a 512 byte sector", ""},
		{"slower than tcg", "auto", device, time.Second, 100 * time.Millisecond, "tcg", "kvm took 1s", ""},
		{"fails", "auto", device, -1, 100 * time.Millisecond, "tcg", "does not boot: exit status 1", ""},
		{"tcg asked for", "tcg", device, 0, 0, "tcg", "asked for", ""},
		{"kvm asked for and broken", "kvm", device, -1, 100 * time.Millisecond, "", "", "use kvm: "},
		{"kvm asked for and missing", "kvm", missing, 0, 0, "", "", "no such file"},
		{"unknown", "xen", device, 0, 0, "", "", "unknown accelerator"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := Prober{Device: tt.device, Time: fakeTimes(tt.kvm, tt.tcg)}.Choose(context.Background(), tt.request)
			if tt.err != "" {
				require.ErrorContains(t, err, tt.err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, tt.want, got.Name)
			require.Contains(t, got.Reason, tt.reason)
			require.Equal(t, tt.request == "auto" || tt.request == "", got.Auto)
		})
	}
}

func TestSector(t *testing.T) {
	s := sector()
	require.Len(t, s, 512)
	require.Equal(t, []byte{0x55, 0xaa}, s[510:], "a BIOS boots nothing without this mark")
}

// TestLoopSector: the loop must jump back to its own first instruction, or the
// measurement ends at once, or never.
func TestLoopSector(t *testing.T) {
	s := loopSector(0x01020304)
	require.Len(t, s, 512)
	require.Equal(t, []byte{4, 3, 2, 1}, s[3:7])
	jump := bytes.Index(s, []byte{0x75})
	require.Equal(t, byte(0xa1), s[jump+2+int(int8(s[jump+1]))+1], "the load is where it jumps to")
	require.Equal(t, exitCode, s[jump+2:jump+2+len(exitCode)])
}
