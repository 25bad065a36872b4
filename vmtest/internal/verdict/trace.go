package verdict

import (
	"time"

	"namespaces-cgroups-ebpf/internal/report"
	"namespaces-cgroups-ebpf/schemas"
	"namespaces-cgroups-ebpf/vmtest/internal/wire"
)

// Trace is everything that was recorded about one VM.
type Trace struct {
	Release  string      `json:"release"`            // what the kernel's package says it is
	Emulated bool        `json:"emulated,omitempty"` // the guest's CPUs stand still when the host is busy
	At       time.Time   `json:"at,omitzero"`        // when it was recorded; allowances expire
	Hello    *wire.Hello `json:"hello,omitempty"`    // nil: init never spoke
	Runs     []Run       `json:"runs"`               // in the order they were started
	Done     *wire.Done  `json:"done,omitempty"`     // nil: the session has no proper end
	Shutdown string      `json:"shutdown,omitempty"` // reason of QMP's SHUTDOWN event
	QEMU     *QEMUEnd    `json:"qemu,omitempty"`     // how QEMU ended
	Silence  *Silence    `json:"silence,omitempty"`  // it was given up since it said nothing
	Broken   string      `json:"broken,omitempty"`   // how the result channel broke the protocol; a mere end does not
	Console  []byte      `json:"console,omitempty"`  // head and tail of the serial console
	Fault    string      `json:"fault,omitempty"`    // what ended the session early, in our words
}

// QEMUEnd is how the QEMU process ended.
type QEMUEnd struct {
	Code   int    `json:"code"`
	Signal int    `json:"signal,omitempty"`
	ByUs   bool   `json:"by_us,omitempty"` // it still ran, and was killed
	Stderr string `json:"stderr,omitempty"`
}

// Silence is what a guest that no longer sent anything looked like from
// outside.
type Silence struct {
	ForNS int64 `json:"for_ns"`
	// Status is QEMU's run state ("running"); "" means that QEMU itself did not
	// answer.
	Status string `json:"status"`
	// CPUs is one of the states below, "" if QEMU would not say.
	CPUs string `json:"cpus,omitempty"`
	// Detail is one line for people: where each CPU was, or why that is unknown.
	Detail string `json:"detail,omitempty"`
}

// What the CPUs of a silent guest do.
const (
	CPUsSpin   = "spinning" // at least one runs
	CPUsIdle   = "idle"     // all wait for an interrupt
	CPUsHalted = "halted"   // all are halted with interrupts off: for good
)

// Run is the record of one plan entry.
type Run struct {
	ID         string      `json:"id"`
	Exit       *wire.Exit  `json:"exit,omitempty"` // nil: it never ended
	TimedOut   bool        `json:"timed_out,omitempty"`
	DurationNS int64       `json:"duration_ns"`
	Stdout     []byte      `json:"stdout,omitempty"`
	Kmsg       []wire.Kmsg `json:"kmsg,omitempty"`
	// KmsgLostCount is the number of kernel log lines that should be in Kmsg
	// and are not: overwritten in the guest, or over the host's limit.
	KmsgLostCount int        `json:"kmsg_lost_count,omitempty"`
	Artifacts     []Artifact `json:"artifacts,omitempty"`
	Refused       string     `json:"refused,omitempty"` // why the guest cannot hand over the artifacts
	Fault         string     `json:"fault,omitempty"`   // the host could not do its part
}

// Artifact is one output that the plan asks for.
type Artifact struct {
	Path    string          `json:"path"`
	Missing bool            `json:"missing,omitempty"`
	Report  *schemas.Report `json:"report,omitempty"` // host-side validation
}

// Result is the judgement of one plan entry.
type Result struct {
	ID        string
	Outcome   report.Outcome
	Reason    string      // empty for a plain pass
	Run       *Run        // nil if there is no record
	Complaint []wire.Kmsg // a splat's first line and what follows it
}
