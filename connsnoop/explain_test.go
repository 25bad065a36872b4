package connsnoop

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// capable is a Debian machine where everything is in order.
func capable() map[string]string {
	return map[string]string{
		"sys/kernel/btf/vmlinux":                   "",
		"sys/kernel/security/lockdown":             "[none] integrity confidentiality\n",
		"sys/bus/event_source/devices/kprobe/type": "8\n",
		"proc/sys/kernel/perf_event_paranoid":      "3\n",
		"proc/self/status":                         "Name:\tx\nCapEff:\t000001ffffffffff\n",
	}
}

func TestReason(t *testing.T) {
	const bpfAndPerfmon = "CapEff:\t000000c000000000\n"
	tests := []struct {
		name   string
		change map[string]string // "-" removes the file
		want   string
	}{
		{"unknown", nil, "the kernel refused the probes"},
		{"no BTF", map[string]string{"sys/kernel/btf/vmlinux": "-"}, "CONFIG_DEBUG_INFO_BTF"},
		{"lockdown", map[string]string{"sys/kernel/security/lockdown": "none integrity [confidentiality]\n"}, "confidentiality mode"},
		{"integrity is no obstacle", map[string]string{"sys/kernel/security/lockdown": "none [integrity] confidentiality\n"}, "refused"},
		{"no kprobes", map[string]string{"sys/bus/event_source/devices/kprobe/type": "-"}, "CONFIG_KPROBE_EVENTS"},
		{"no capabilities", map[string]string{"proc/self/status": "CapEff:\t0000000000000000\n"}, "CAP_BPF and CAP_PERFMON"},
		{"only CAP_BPF", map[string]string{"proc/self/status": "CapEff:\t0000008000000000\n"}, "CAP_BPF and CAP_PERFMON"},
		{"paranoid", map[string]string{"proc/self/status": bpfAndPerfmon}, "sysctl kernel.perf_event_paranoid=2"},
		{"not paranoid", map[string]string{"proc/self/status": bpfAndPerfmon, "proc/sys/kernel/perf_event_paranoid": "2"}, "refused"},
		{"strange status", map[string]string{"proc/self/status": "CapEff:\tx\n"}, "refused"},
		{"nothing readable", map[string]string{"proc/self/status": "-", "proc/sys/kernel/perf_event_paranoid": "-", "sys/kernel/security/lockdown": "-"}, "refused"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			files := capable()
			for path, content := range tt.change {
				files[path] = content
			}
			root := plant(t, files)
			cause := errors.New("load probes:\n\tpermission denied")
			err := unsupported(root, BackendKprobe, false, cause)
			require.ErrorIs(t, err, ErrUnsupported)
			require.ErrorIs(t, err, cause)
			require.ErrorContains(t, err, tt.want)
			require.NotContains(t, err.Error(), "\n")
		})
	}
	files := capable()
	delete(files, "sys/bus/event_source/devices/kprobe/type")
	err := unsupported(plant(t, files), BackendFentry, false, errors.New("cause"))
	require.EqualError(t, err, "cannot trace on this machine: the kernel refused the probes (cause)", "kprobes are no matter")

	files = capable()
	delete(files, "sys/kernel/btf/vmlinux")
	root := plant(t, files)
	require.ErrorContains(t, unsupported(root, BackendFentry, true, errors.New("cause")), "by the kernel's own")
	require.NotContains(t, unsupported(root, BackendKprobe, true, errors.New("cause")).Error(), "no BTF")
	require.NoError(t, unsupported("/", BackendKprobe, false, nil))
}

func plant(t *testing.T, files map[string]string) string {
	root := t.TempDir()
	for path, content := range files {
		if content == "-" {
			continue
		}
		path = filepath.Join(root, path)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(content), 0o644))
	}
	return root
}
