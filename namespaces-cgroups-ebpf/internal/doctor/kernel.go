package doctor

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"namespaces-cgroups-ebpf/internal/kernel"
)

// inVM is the remedy for whatever the running kernel cannot do.
const inVM = "run the labs in virtual machines: make vmtest"

// oldest is the first kernel that the course supports.
var oldest = kernel.Version{Major: 5, Minor: 10}

func runningKernel(_ context.Context, m Machine) Check {
	c := Check{ID: "kernel", Title: "running kernel", Status: OK}
	release, err := m.Release()
	if err != nil {
		return unreadable(c, err)
	}
	c.Value = release
	v, err := kernel.Parse(release)
	if err != nil {
		return unreadable(c, err)
	}
	if !v.AtLeast(oldest) {
		c.Status, c.Detail, c.Remedy = Warn, "the labs are for 5.10 and newer", inVM
	}
	return c
}

func btf(_ context.Context, m Machine) Check {
	const path = "sys/kernel/btf/vmlinux"
	c := Check{ID: "btf", Title: "kernel type information", Status: OK, Value: "/" + path}
	_, err := os.Stat(filepath.Join(m.Root, path))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		c.Status, c.Value, c.Detail, c.Remedy = Warn, "", "CO-RE programs cannot be loaded on this kernel", inVM
	case err != nil:
		return unreadable(c, err)
	}
	return c
}

// wanted are the controllers that week 10 uses.
var wanted = []string{"cpu", "cpuset", "io", "memory", "pids"}

func controllers(_ context.Context, m Machine) Check {
	c := Check{ID: "cgroup-controllers", Title: "cgroup v2 controllers", Status: OK}
	text, err := m.read("sys/fs/cgroup/cgroup.controllers")
	if errors.Is(err, fs.ErrNotExist) {
		c.Status, c.Detail = Warn, "cgroup v2 is not mounted on /sys/fs/cgroup"
		c.Remedy = "boot with systemd.unified_cgroup_hierarchy=1, or " + inVM
		return c
	}
	if err != nil {
		return unreadable(c, err)
	}
	c.Value = text
	if missing := lacking(strings.Fields(text)); len(missing) > 0 {
		c.Status, c.Detail = Warn, "not available here: "+strings.Join(missing, " ")
		c.Remedy = "free them from cgroup v1 (boot with cgroup_no_v1=all), or " + inVM
	}
	return c
}

func lacking(have []string) []string {
	var missing []string
	for _, name := range wanted {
		if !strings.Contains(" "+strings.Join(have, " ")+" ", " "+name+" ") {
			missing = append(missing, name)
		}
	}
	return missing
}

// kprobes: the PMU is there exactly if the kernel was built with them, and
// anyone may look (perf_event_open(2), dynamic PMUs).
func kprobes(_ context.Context, m Machine) Check {
	c := Check{ID: "kprobes", Title: "kernel probes", Status: OK}
	text, err := m.read("sys/bus/event_source/devices/kprobe/type")
	switch {
	case errors.Is(err, fs.ErrNotExist):
		c.Status, c.Detail, c.Remedy = Warn, "this kernel has no kprobes; weeks 11 and 12 need them", inVM
	case err != nil:
		return unreadable(c, err)
	default:
		c.Value = "perf PMU type " + text
	}
	return c
}

// lockdown reads "none [integrity] confidentiality" (kernel_lockdown(7)).
func lockdown(_ context.Context, m Machine) Check {
	c := Check{ID: "lockdown", Title: "kernel lockdown", Status: OK}
	text, err := m.read("sys/kernel/security/lockdown")
	if errors.Is(err, fs.ErrNotExist) {
		c.Status, c.Detail = Unknown, "not built in, or securityfs is not mounted"
		c.Remedy = "mount -t securityfs securityfs /sys/kernel/security, and look again"
		return c
	}
	if err != nil {
		return unreadable(c, err)
	}
	if _, rest, ok := strings.Cut(text, "["); ok {
		c.Value, _, _ = strings.Cut(rest, "]")
	}
	switch c.Value {
	case "integrity":
		c.Status, c.Detail = Warn, "some BPF programs are refused"
		c.Remedy = "turn secure boot off, or " + inVM
	case "confidentiality":
		c.Status, c.Detail = Warn, "BPF programs cannot read kernel memory"
		c.Remedy = "boot without lockdown=confidentiality, or " + inVM
	}
	return c
}

func unprivilegedBPF(_ context.Context, m Machine) Check {
	c := Check{ID: "unprivileged-bpf", Title: "kernel.unprivileged_bpf_disabled", Status: OK}
	text, err := m.read("proc/sys/kernel/unprivileged_bpf_disabled")
	if errors.Is(err, fs.ErrNotExist) {
		c.Status, c.Detail = Unknown, "this kernel has no such setting; bpf(2) may be missing"
		return c
	}
	if err != nil {
		return unreadable(c, err)
	}
	c.Value = text
	if text == "0" {
		c.Status, c.Detail = Warn, "any user may load BPF programs, which has been a way to root before"
		c.Remedy = "sysctl kernel.unprivileged_bpf_disabled=2"
	}
	return c
}

// paranoid: 3 is an addition of Debian and others, which then refuse
// perf_event_open(2), and with it kprobes, to everything but CAP_SYS_ADMIN.
func paranoid(_ context.Context, m Machine) Check {
	c := Check{ID: "perf-event-paranoid", Title: "kernel.perf_event_paranoid", Status: OK}
	text, err := m.read("proc/sys/kernel/perf_event_paranoid")
	if err != nil {
		return unreadable(c, err)
	}
	c.Value = text
	if text >= "3" && !strings.HasPrefix(text, "-") {
		c.Status, c.Detail = Warn, "kprobes need root; CAP_BPF and CAP_PERFMON are not enough"
		c.Remedy = "sysctl kernel.perf_event_paranoid=2, or run week 12's tracer as root"
	}
	return c
}
