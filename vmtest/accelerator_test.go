package vmtest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/vmtest/internal/qemu"
)

// brokenQEMU puts a QEMU first in PATH that takes its arguments down and ends,
// and returns what reads them: a line per start.
func brokenQEMU(t *testing.T) (started func() []string) {
	dir := t.TempDir()
	log := filepath.Join(dir, "log")
	script := "#!/bin/sh\necho \"$*\" >>'" + log + "'\necho no luck >&2\nexit 1\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, qemu.Binary), []byte(script), 0o755))
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	return func() []string {
		text, err := os.ReadFile(log)
		require.NoError(t, err)
		return strings.Split(strings.TrimSpace(string(text)), "\n")
	}
}

// TestFallBackToTCG: a guest that does not come up under a KVM that we have
// chosen gets one more try under TCG, and what was asked for gets none.
func TestFallBackToTCG(t *testing.T) {
	auto := qemu.KVM("boots the probe")
	auto.Auto = true
	const kvm, tcg = "-accel kvm -cpu host ", "-accel tcg,thread=single "
	tests := []struct {
		name        string
		accelerator qemu.Accelerator
		cold        bool
		want        []string
	}{
		{"our choice, cold", auto, true, []string{kvm, tcg}},
		{"our choice, to be saved", auto, false, []string{kvm, tcg}},
		{"KVM was asked for", qemu.KVM("asked for"), true, []string{kvm}},
		{"TCG", qemu.TCG("no /dev/kvm"), false, []string{tcg}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv("TMPDIR", t.TempDir())
			started := brokenQEMU(t)
			a := fakeAssets(t)
			a.image.SizeBytes = 1 << 20
			a.accelerator, a.config.Cold = tt.accelerator, tt.cold
			_, err := boot(t.Context(), a)
			require.ErrorContains(t, err, "no luck")
			lines := started()
			require.Len(t, lines, len(tt.want))
			for i, want := range tt.want {
				require.Contains(t, lines[i], want)
				require.Equal(t, !tt.cold, strings.Contains(lines[i], "memory-backend-file"), lines[i])
			}
			left, err := os.ReadDir(os.TempDir())
			require.NoError(t, err)
			require.Empty(t, left)
		})
	}
}

// TestKVMDeadline: a KVM of our own choice has less time, since there is TCG.
func TestKVMDeadline(t *testing.T) {
	auto := qemu.KVM("boots the probe")
	auto.Auto = true
	for name, accelerator := range map[string]qemu.Accelerator{"auto": auto, "asked for": qemu.KVM("asked for"), "tcg": qemu.TCG("no /dev/kvm")} {
		vm := &VM{Accelerator: accelerator, assets: &assets{}}
		ctx, cancel := vm.within(t.Context(), 2*kvmBootDeadline)
		defer cancel()
		until, ok := ctx.Deadline()
		require.True(t, ok)
		require.Equal(t, name == "auto", time.Until(until) <= kvmBootDeadline, name)
	}
}
