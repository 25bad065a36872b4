package connsnoop

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Capability numbers of include/uapi/linux/capability.h.
const (
	capSysAdmin    = 21
	capSysResource = 24
	capPerfmon     = 38
	capBPF         = 39
)

// unsupported wraps an error of loading or attaching a backend with
// ErrUnsupported and the reason, read from root's /proc and /sys. The text is
// one line.
func unsupported(root string, backend Backend, externalBTF bool, err error) error {
	if err == nil {
		return nil
	}
	m := machine(root)
	reason := m.reason(backend, externalBTF)
	if reason == "" && backend == BackendKprobe {
		reason = m.reasonAgainstKprobes()
	}
	if reason == "" {
		reason = "the kernel refused the probes"
	}
	return fmt.Errorf("%w: %s (%w)", ErrUnsupported, reason, oneLine{err})
}

// machine is where /proc and /sys are found.
type machine string

// reason names the first thing that is known to keep the backend from working
// and is not about kprobes, if there is one.
func (m machine) reason(backend Backend, externalBTF bool) string {
	admin, known := m.capability(capSysAdmin)
	switch {
	case m.hidesTypes() && externalBTF && backend == BackendFentry:
		return "no BTF: fentry is attached by the kernel's own, which it does not show"
	case m.hidesTypes() && !externalBTF:
		return "no BTF: /sys/kernel/btf/vmlinux is missing, the kernel needs CONFIG_DEBUG_INFO_BTF"
	case m.lockdown() == confidentiality:
		return "kernel lockdown is in confidentiality mode, which forbids BPF to read the kernel"
	case known && !admin && m.lacksBPF():
		return "no permission: needs root, or CAP_BPF and CAP_PERFMON (kernel >= 5.8)"
	}
	return ""
}

// reasonAgainstKprobes names what keeps kprobes only from working.
func (m machine) reasonAgainstKprobes() string {
	admin, known := m.capability(capSysAdmin)
	switch {
	case m.missing("sys/bus/event_source/devices/kprobe/type"):
		return "no kprobes: the kernel lacks CONFIG_KPROBE_EVENTS, or hides /sys"
	case known && !admin && m.paranoid() > 2:
		return fmt.Sprintf("no permission: kernel.perf_event_paranoid is %d; "+
			"without CAP_SYS_ADMIN kprobes need: sysctl kernel.perf_event_paranoid=2", m.paranoid())
	}
	return ""
}

// hidesTypes is true for a kernel that does not show its types.
func (m machine) hidesTypes() bool { return m.missing("sys/kernel/btf/vmlinux") }

// confidentiality is the mode of lockdown in which BPF may not read the kernel.
const confidentiality = "confidentiality"

// lockdown is the kernel's mode, or empty if it has none.
func (m machine) lockdown() string {
	return bracketed(m.read("sys/kernel/security/lockdown"), "[", "]")
}

func (m machine) read(path string) string {
	data, err := os.ReadFile(filepath.Join(string(m), path))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(data))
}

func (m machine) missing(path string) bool {
	_, err := os.Stat(filepath.Join(string(m), path))
	return os.IsNotExist(err)
}

func (m machine) paranoid() int {
	level, err := strconv.Atoi(m.read("proc/sys/kernel/perf_event_paranoid"))
	if err != nil {
		return 0
	}
	return level
}

func (m machine) lacksBPF() bool {
	bpf, _ := m.capability(capBPF)
	perfmon, _ := m.capability(capPerfmon)
	return !bpf || !perfmon
}

// capability looks in this process's effective set (proc_pid_status(5)).
func (m machine) capability(number uint) (has, known bool) {
	for line := range strings.Lines(m.read("proc/self/status")) {
		value, found := strings.CutPrefix(line, "CapEff:")
		if !found {
			continue
		}
		set, err := strconv.ParseUint(strings.TrimSpace(value), 16, 64)
		return set>>number&1 == 1, err == nil
	}
	return false, false
}

// oneLine prints an error, such as a verifier's, in one line.
type oneLine struct{ error }

func (e oneLine) Error() string { return strings.Join(strings.Fields(e.error.Error()), " ") }
func (e oneLine) Unwrap() error { return e.error }
