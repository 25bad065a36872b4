package connsnoop

// Backend names a set of kernel hooks.
type Backend string

// The backends, in the order in which BackendAuto tries them.
const (
	BackendAuto        Backend = "auto"
	BackendFentry      Backend = "fentry"       // fexit, fentry and tp_btf
	BackendKprobeMulti Backend = "kprobe-multi" // kprobe.multi, kretprobe.multi and a raw tracepoint
	BackendKprobe      Backend = "kprobe"       // the course's kprobes and kretprobe
)

// Backends lists what can be asked for.
func Backends() []Backend {
	return []Backend{BackendAuto, BackendFentry, BackendKprobeMulti, BackendKprobe}
}
