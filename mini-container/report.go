package minicontainer

import (
	"crypto/rand"
	"encoding/hex"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"namespaces-cgroups-ebpf/mini-container/internal/cgroup"
	"namespaces-cgroups-ebpf/mini-container/internal/inspect"
	"namespaces-cgroups-ebpf/mini-container/internal/state"
)

// ReportSchema names the contract of Report.
const ReportSchema = "container-run/v1"

// The outcomes of a run.
const (
	OutcomeExited      = "exited"       // the command ran and exited
	OutcomeSignaled    = "signaled"     // the command ran and a signal killed it
	OutcomeSetupFailed = "setup-failed" // the command never ran
)

// Report is the record of one run, schema container-run/v1. The embedded
// Isolation is what the kernel said of the container's first process, held
// still just before its exec; it is nil if the run did not get that far.
type Report struct {
	Schema     string    `json:"schema"`
	ID         string    `json:"id"` // random, 12 hex digits
	StartedAt  time.Time `json:"started_at"`
	Command    []string  `json:"command"`
	UserNS     bool      `json:"user_ns"` // asked for; Namespaces says what came of it
	Outcome    string    `json:"outcome"`
	ExitCode   int       `json:"exit_code"`           // of the supervisor
	Signal     string    `json:"signal,omitempty"`    // "SIGTERM", if that ended the command
	DurationNS int64     `json:"duration_ns"`         // clone to the end of the command
	Container  string    `json:"container,omitempty"` // its name: the ID, unless the caller chose one
	Cgroup     string    `json:"cgroup,omitempty"`    // of its own, as /proc/PID/cgroup has it

	CgroupReason string `json:"cgroup_reason,omitempty"` // why it wanted one and has none
	*Isolation
	Network      *state.Network `json:"network,omitempty"`       // what it has on the host's network
	OOM          *cgroup.OOM    `json:"oom,omitempty"`           // the kernel's account, if memory ran out
	DeviceFilter *DeviceFilter  `json:"device_filter,omitempty"` // nil if the run did not get that far
	Steps        []StepTiming   `json:"steps"`
	Error        *Failure       `json:"error,omitempty"`
}

// DeviceFilter is what came of the filter of devices.
type DeviceFilter struct {
	Attached bool   `json:"attached"`
	Rules    int    `json:"rules_count"`      // those that every container has included
	Reason   string `json:"reason,omitempty"` // why it is not attached
}

// StepTiming is how long one step of the set-up took.
type StepTiming struct {
	Step       string `json:"step"`
	By         string `json:"by"`          // "supervisor" or "child"
	DurationNS int64  `json:"duration_ns"` // wall clock
}

// Failure is the step that kept the command from running, and why.
type Failure struct {
	Step    string `json:"step"`
	Message string `json:"message"`
}

// Isolation is what /proc says of a process, see observe.
type Isolation struct {
	PID          int                 `json:"pid"`      // in the supervisor's pid namespace
	Hostname     string              `json:"hostname"` // uname(2) inside: /proc has no file for it
	Namespaces   []Namespace         `json:"namespaces"`
	UIDMappings  []IDMapping         `json:"uid_mappings"`
	GIDMappings  []IDMapping         `json:"gid_mappings"`
	Capabilities map[string][]string `json:"capabilities"` // set -> names
	NoNewPrivs   bool                `json:"no_new_privs"`
	Seccomp      string              `json:"seccomp"` // "disabled", "strict" or "filter"
	Mounts       []Mount             `json:"mounts"`  // in the order of mountinfo
}

// Namespace is one entry of /proc/PID/ns.
type Namespace struct {
	Type           string `json:"type"` // the file's name: "mnt", "pid", ...
	Inode          uint64 `json:"inode"`
	SharedWithHost bool   `json:"shared_with_host"` // same as the supervisor's
}

// IDMapping is one line of /proc/PID/uid_map or gid_map.
type IDMapping = inspect.Mapping

// Mount is one line of /proc/PID/mountinfo, without what would name paths of
// the host (source, root and the file system's own options).
type Mount struct {
	Target      string   `json:"target"`
	Type        string   `json:"type"`
	Options     []string `json:"options"`
	Propagation string   `json:"propagation"` // "private", or mountinfo's optional fields
}

func newReport(spec *specs.Spec, now time.Time) *Report {
	var id [6]byte
	rand.Read(id[:]) // never fails, see its documentation
	report := &Report{
		Schema: ReportSchema, ID: hex.EncodeToString(id[:]), StartedAt: now.UTC(),
		Command: []string{}, Steps: []StepTiming{}, Outcome: OutcomeSetupFailed,
	}
	if spec.Process != nil && len(spec.Process.Args) > 0 {
		report.Command = spec.Process.Args
	}
	if spec.Linux != nil {
		report.UserNS = hasNamespace(spec, specs.UserNamespace)
	}
	return report
}
