package connsnoop

import (
	"slices"
	"strings"

	"namespaces-cgroups-ebpf/internal/doctor"
	"namespaces-cgroups-ebpf/internal/kernel"
)

// CheckSchema names the JSON form of a CheckReport: schemas/conn-check.v1.schema.json.
const CheckSchema = "conn-check/v1"

// CheckReport says whether connections can be recorded here, and why not.
type CheckReport struct {
	Schema   string         `json:"schema"`
	OK       bool           `json:"ok"`      // one of the backends works
	Kernel   string         `json:"kernel"`  // release, as uname -r prints it
	Backend  *Backend       `json:"backend"` // what BackendAuto takes
	Backends []BackendCheck `json:"backends"`
	Checks   []doctor.Check `json:"checks"`
}

// BackendCheck is what became of loading and attaching one backend.
type BackendCheck struct {
	Backend Backend `json:"backend"`
	Usable  bool    `json:"usable"`
	Reason  *string `json:"reason"` // why it is not usable
}

// check asks try to attach each backend, and looks below root, where /proc and
// /sys are, for what may stand in the way.
func check(root string, externalBTF bool, try func(Backend) error) CheckReport {
	m := machine(root)
	r := CheckReport{Schema: CheckSchema, Kernel: m.read("proc/sys/kernel/osrelease"), Checks: m.checks(externalBTF)}
	for _, b := range Backends() {
		if b == BackendAuto {
			continue
		}
		result := BackendCheck{Backend: b, Usable: true}
		if err := try(b); err != nil {
			reason := strings.TrimPrefix(oneLine{err}.Error(), ErrUnsupported.Error()+": ")
			result.Usable, result.Reason = false, &reason
		} else if r.Backend == nil {
			r.OK, r.Backend = true, &b
		}
		r.Backends = append(r.Backends, result)
	}
	return r
}

// checks are in the order in which they are worth mending.
func (m machine) checks(externalBTF bool) []doctor.Check {
	return []doctor.Check{
		m.checkKernel(), m.checkCapabilities(), m.checkBTF(externalBTF), m.checkLockdown(),
		m.checkKprobes(), m.checkParanoid(), m.checkMemlock(), m.checkUnprivileged(),
	}
}

// oldest is the first kernel with the ring buffer and programs like ours.
var oldest = kernel.Version{Major: 5, Minor: 10}

func (m machine) version() (kernel.Version, error) {
	return kernel.Parse(m.read("proc/sys/kernel/osrelease"))
}

func (m machine) checkKernel() doctor.Check {
	c := doctor.Check{ID: "kernel", Title: "kernel", Status: doctor.OK, Value: m.read("proc/sys/kernel/osrelease")}
	v, err := m.version()
	switch {
	case err != nil:
		c.Status, c.Detail = doctor.Unknown, oneLine{err}.Error()
	case !v.AtLeast(oldest):
		c.Status, c.Remedy = doctor.Fail, "boot Linux "+oldest.String()+" or newer"
	}
	return c
}

func (m machine) checkCapabilities() doctor.Check {
	c := doctor.Check{ID: "capabilities", Title: "capabilities", Status: doctor.OK}
	var names []string
	for _, known := range []struct {
		number uint
		name   string
	}{{capSysAdmin, "CAP_SYS_ADMIN"}, {capBPF, "CAP_BPF"}, {capPerfmon, "CAP_PERFMON"}, {capSysResource, "CAP_SYS_RESOURCE"}} {
		has, readable := m.capability(known.number)
		if !readable {
			c.Status, c.Detail = doctor.Unknown, "no CapEff in /proc/self/status"
			return c
		}
		if has {
			names = append(names, known.name)
		}
	}
	c.Value = strings.Join(names, " ")
	if !slices.Contains(names, "CAP_SYS_ADMIN") && m.lacksBPF() {
		c.Status, c.Detail = doctor.Fail, "CAP_BPF loads the programs, CAP_PERFMON lets them read the kernel"
		c.Remedy = "run as root, or with both: AmbientCapabilities=CAP_BPF CAP_PERFMON in a unit of systemd"
	}
	return c
}

func (m machine) checkBTF(external bool) doctor.Check {
	const path = "sys/kernel/btf/vmlinux"
	c := doctor.Check{ID: "btf", Title: "types of the kernel (BTF)", Status: doctor.OK, Value: "/" + path}
	if !m.missing(path) {
		return c
	}
	c.Value, c.Status = "none", doctor.Fail
	c.Detail = "fentry and raw tracepoints cannot attach without it, whatever --btf says"
	c.Remedy = "boot a kernel with CONFIG_DEBUG_INFO_BTF, or name this kernel's types: --btf FILE"
	if external {
		c.Status = doctor.Warn
	}
	return c
}

func (m machine) checkLockdown() doctor.Check {
	c := doctor.Check{ID: "lockdown", Title: "kernel lockdown", Status: doctor.OK, Value: "none"}
	if mode := m.lockdown(); mode != "" {
		c.Value = mode
	}
	if c.Value == confidentiality {
		c.Status, c.Detail = doctor.Fail, "BPF programs may not read the kernel's memory"
		c.Remedy = "boot without lockdown=confidentiality; integrity is no obstacle"
	}
	return c
}

func (m machine) checkKprobes() doctor.Check {
	const path = "sys/bus/event_source/devices/kprobe/type"
	c := doctor.Check{ID: "kprobes", Title: "kprobes", Status: doctor.OK, Value: "present"}
	if m.missing(path) {
		c.Value, c.Status, c.Detail = "none", doctor.Warn, "no /"+path+": the backend kprobe cannot attach"
		c.Remedy = "boot a kernel with CONFIG_KPROBE_EVENTS, or use another backend"
	}
	return c
}

func (m machine) checkParanoid() doctor.Check {
	c := doctor.Check{ID: "perf-event-paranoid", Title: "kernel.perf_event_paranoid", Status: doctor.OK,
		Value: m.read("proc/sys/kernel/perf_event_paranoid")}
	if admin, _ := m.capability(capSysAdmin); m.paranoid() > 2 && !admin {
		c.Status, c.Detail = doctor.Warn, "the backend kprobe needs CAP_SYS_ADMIN at this level, the others do not"
		c.Remedy = "sysctl kernel.perf_event_paranoid=2"
	}
	return c
}

// checkMemlock matters on kernels that charge maps to RLIMIT_MEMLOCK.
func (m machine) checkMemlock() doctor.Check {
	c := doctor.Check{ID: "memlock", Title: "limit of locked memory", Status: doctor.OK, Value: m.memlock()}
	v, err := m.version()
	raises, _ := m.capability(capSysResource)
	switch {
	case err == nil && v.AtLeast(kernel.Version{Major: 5, Minor: 11}):
		c.Detail = "this kernel charges BPF maps to the cgroup instead"
	case c.Value == "":
		c.Status, c.Detail = doctor.Unknown, "no limit in /proc/self/limits"
	case c.Value != "unlimited" && !raises:
		c.Status, c.Detail = doctor.Fail, "this kernel charges BPF maps to it, and only CAP_SYS_RESOURCE may raise it"
		c.Remedy = "LimitMEMLOCK=infinity in a unit of systemd, or ulimit -l unlimited as root"
	}
	return c
}

// memlock is the soft limit in bytes, or "unlimited", or empty.
func (m machine) memlock() string {
	for line := range strings.Lines(m.read("proc/self/limits")) {
		rest, ok := strings.CutPrefix(line, "Max locked memory")
		if fields := strings.Fields(rest); ok && len(fields) > 0 {
			return fields[0]
		}
	}
	return ""
}

func (m machine) checkUnprivileged() doctor.Check {
	c := doctor.Check{ID: "unprivileged-bpf", Title: "kernel.unprivileged_bpf_disabled", Status: doctor.OK,
		Value: m.read("proc/sys/kernel/unprivileged_bpf_disabled")}
	c.Detail = "of no matter: tracing needs capabilities at any value"
	return c
}
