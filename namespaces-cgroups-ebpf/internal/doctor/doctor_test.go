package doctor_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	shared "namespaces-cgroups-ebpf/internal/doctor"
	"namespaces-cgroups-ebpf/namespaces-cgroups-ebpf/internal/doctor"
	"namespaces-cgroups-ebpf/schemas"
)

// played is a machine without faults; a test changes what it is about.
type played struct {
	files       map[string]string
	release     string
	versions    map[string]string
	accelerator string
	missing     string
}

func healthy() *played {
	return &played{
		files: map[string]string{
			"sys/kernel/btf/vmlinux":                    "btf",
			"sys/fs/cgroup/cgroup.controllers":          "cpuset cpu io memory hugetlb pids\n",
			"sys/bus/event_source/devices/kprobe/type":  "8\n",
			"sys/kernel/security/lockdown":              "[none] integrity confidentiality\n",
			"proc/sys/kernel/unprivileged_bpf_disabled": "2\n",
			"proc/sys/kernel/perf_event_paranoid":       "2\n",
		},
		release: "6.12.117+deb13-cloud-amd64",
		versions: map[string]string{
			"qemu-system-x86_64": "QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7)",
			"bpftrace":           "bpftrace v0.23.2",
			"clang-19":           "Debian clang version 19.1.7 (3~deb12u1)",
		},
		accelerator: "kvm",
	}
}

func (p *played) machine(t *testing.T) doctor.Machine {
	root := t.TempDir()
	for name, text := range p.files {
		path := filepath.Join(root, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	return doctor.Machine{
		Root:     root,
		Release:  func() (string, error) { return p.release, nil },
		LookPath: func(name string) bool { return name != p.missing },
		Output: func(_ context.Context, name string, _ ...string) (string, error) {
			if v, ok := p.versions[name]; ok {
				return v, nil
			}
			return "", errors.New("executable file not found")
		},
		Accelerator: func(context.Context) (string, string, error) {
			if p.accelerator == "" {
				return "", "", errors.New("no qemu")
			}
			return p.accelerator, "measured", nil
		},
	}
}

func TestExamine(t *testing.T) {
	drop := func(path string) func(*played) { return func(p *played) { delete(p.files, path) } }
	set := func(path, text string) func(*played) { return func(p *played) { p.files[path] = text } }
	tests := []struct {
		name   string
		change func(*played)
		id     string
		status doctor.Status
		value  string
		text   string // in detail or remedy
	}{
		{"healthy", func(*played) {}, "kernel", doctor.OK, "6.12.117+deb13-cloud-amd64", ""},
		{"old kernel", func(p *played) { p.release = "4.19.0-27-amd64" }, "kernel", doctor.Warn, "4.19.0-27-amd64", "make vmtest"},
		{"odd release", func(p *played) { p.release = "linux" }, "kernel", doctor.Unknown, "linux", "parse kernel release"},
		{"btf", func(*played) {}, "btf", doctor.OK, "/sys/kernel/btf/vmlinux", ""},
		{"no btf", drop("sys/kernel/btf/vmlinux"), "btf", doctor.Warn, "", "CO-RE"},
		{"no cgroup2", drop("sys/fs/cgroup/cgroup.controllers"), "cgroup-controllers", doctor.Warn, "", "not mounted"},
		{"some controllers", set("sys/fs/cgroup/cgroup.controllers", "hugetlb pids cpuset"), "cgroup-controllers", doctor.Warn, "hugetlb pids cpuset", "cpu io memory"},
		{"no kprobes", drop("sys/bus/event_source/devices/kprobe/type"), "kprobes", doctor.Warn, "", "no kprobes"},
		{"kprobes", func(*played) {}, "kprobes", doctor.OK, "perf PMU type 8", ""},
		{"lockdown off", func(*played) {}, "lockdown", doctor.OK, "none", ""},
		{"lockdown integrity", set("sys/kernel/security/lockdown", "none [integrity] confidentiality"), "lockdown", doctor.Warn, "integrity", "secure boot"},
		{"lockdown confidentiality", set("sys/kernel/security/lockdown", "none integrity [confidentiality]"), "lockdown", doctor.Warn, "confidentiality", "kernel memory"},
		{"lockdown unseen", drop("sys/kernel/security/lockdown"), "lockdown", doctor.Unknown, "", "securityfs"},
		{"unprivileged bpf", set("proc/sys/kernel/unprivileged_bpf_disabled", "0"), "unprivileged-bpf", doctor.Warn, "0", "sysctl"},
		{"no bpf setting", drop("proc/sys/kernel/unprivileged_bpf_disabled"), "unprivileged-bpf", doctor.Unknown, "", "no such setting"},
		{"paranoid 3", set("proc/sys/kernel/perf_event_paranoid", "3"), "perf-event-paranoid", doctor.Warn, "3", "perf_event_paranoid=2"},
		{"paranoid -1", set("proc/sys/kernel/perf_event_paranoid", "-1"), "perf-event-paranoid", doctor.OK, "-1", ""},
		{"no perf events", drop("proc/sys/kernel/perf_event_paranoid"), "perf-event-paranoid", doctor.Unknown, "", "no such file"},
		{"qemu", func(*played) {}, "qemu", doctor.OK, "7.2.22", ""},
		{"no qemu", func(p *played) { delete(p.versions, "qemu-system-x86_64") }, "qemu", doctor.Fail, "", "install-deps"},
		{"tcg", func(p *played) { p.accelerator = "tcg" }, "accelerator", doctor.Warn, "tcg", "emulated"},
		{"accelerator unknown", func(p *played) { p.accelerator = "" }, "accelerator", doctor.Unknown, "", "no qemu"},
		{"old bpftrace", func(p *played) { p.versions["bpftrace"] = "bpftrace v0.11.3" }, "bpftrace", doctor.Warn, "0.11.3", "0.17"},
		{"no bpftrace", func(p *played) { delete(p.versions, "bpftrace") }, "bpftrace", doctor.Warn, "", "apt-get install"},
		{"no clang", func(p *played) { delete(p.versions, "clang-19") }, "clang", doctor.Warn, "", "install-deps"},
		{"no mke2fs", func(p *played) { p.missing = "mke2fs" }, "disk-tools", doctor.Fail, "mmdebstrap depmod dpkg-deb", "mke2fs"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := healthy()
			tt.change(p)
			r := doctor.Examine(context.Background(), p.machine(t))
			c := find(t, r, tt.id)
			require.Equal(t, tt.status, c.Status)
			require.Equal(t, tt.value, c.Value)
			require.Contains(t, c.Detail+" "+c.Remedy, tt.text)
			require.Equal(t, tt.status != doctor.Fail, r.OK)
			data, err := json.Marshal(r)
			require.NoError(t, err)
			require.Empty(t, schemas.Validate(shared.Schema, data))
		})
	}
}

func TestHealthyMachineHasNoRemedy(t *testing.T) {
	r := doctor.Examine(context.Background(), healthy().machine(t))
	for _, c := range r.Checks {
		require.Equal(t, doctor.OK, c.Status, c.ID)
		require.Empty(t, c.Remedy, c.ID)
	}
}

func TestText(t *testing.T) {
	p := healthy()
	p.accelerator = "tcg"
	var b strings.Builder
	require.NoError(t, shared.Text(&b, doctor.Examine(context.Background(), p.machine(t))))
	require.Contains(t, b.String(), "warn     accelerator of virtual machines    tcg\n         measured\n         -> nothing needs to be done")
	require.NotContains(t, b.String(), "\x1b", "no colour where there is no terminal")
}

func find(t *testing.T, r doctor.Report, id string) doctor.Check {
	for _, c := range r.Checks {
		if c.ID == id {
			return c
		}
	}
	require.Fail(t, "no check "+id)
	return doctor.Check{}
}
