package report

import (
	"time"

	"namespaces-cgroups-ebpf/schemas"
)

// Schema is the name of the schema of a Report.
const Schema = "vmtest-report/v1"

// Report is everything a run found. Field names and units are those of
// schemas/vmtest-report.v1.schema.json.
type Report struct {
	Schema  string   `json:"schema"`
	Run     Run      `json:"run"`
	Kernels []Kernel `json:"kernels"`
	Results []Result `json:"results"`
	Quota   []Quota  `json:"quota"`
	Summary Summary  `json:"summary"`
}

// Run says when, where and how the tests ran.
type Run struct {
	StartedAt      time.Time   `json:"started_at"`
	FinishedAt     time.Time   `json:"finished_at"`
	DurationNS     int64       `json:"duration_ns"`
	Tier           string      `json:"tier"`
	Seed           string      `json:"seed"` // decimal uint64, as a string since JSON readers round
	HarnessVersion string      `json:"harness_version"`
	Host           Host        `json:"host"`
	QEMUVersion    string      `json:"qemu_version"`
	Accelerator    Accelerator `json:"accelerator"`
}

// Host is the machine that QEMU ran on.
type Host struct {
	Kernel   string `json:"kernel"`
	Arch     string `json:"arch"`
	CPUCount int    `json:"cpu_count"`
}

// Accelerator is how guest instructions ran, and why so.
type Accelerator struct {
	Name   string `json:"name"`
	Reason string `json:"reason"`
}

// Kernel is one row of the matrix.
type Kernel struct {
	Series         string    `json:"series"`
	Release        string    `json:"release,omitempty"`
	PackageVersion string    `json:"package_version,omitempty"`
	Suite          string    `json:"suite,omitempty"`
	Optional       bool      `json:"optional,omitempty"`
	Packages       []Package `json:"packages"`
	ImageHash      string    `json:"image_hash,omitempty"`
	Outcome        Outcome   `json:"outcome"`
	Reason         string    `json:"reason,omitempty"`
	BootNS         int64     `json:"boot_ns,omitempty"`
	DurationNS     int64     `json:"duration_ns,omitempty"`
	ShutdownReason string    `json:"shutdown_reason,omitempty"`
	AttemptsCount  int       `json:"attempts_count"`
	FailedAttempts []Attempt `json:"failed_attempts,omitempty"`
	ConsoleLog     string    `json:"console_log,omitempty"` // relative to the report
}

// Attempt is a boot that did not come up.
type Attempt struct {
	Outcome    Outcome `json:"outcome"`
	Reason     string  `json:"reason"`
	DurationNS int64   `json:"duration_ns"`
}

// Package is a package that a kernel came from.
type Package struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	SHA256  string `json:"sha256"`
	Source  string `json:"source"`
}

// Result is one cell of the matrix: one plan entry on one kernel.
type Result struct {
	ID          string     `json:"id"` // deliverable/entry
	Deliverable string     `json:"deliverable"`
	Entry       string     `json:"entry"`
	Kernel      string     `json:"kernel"` // release, or the series where there is none
	Series      string     `json:"series"`
	Outcome     Outcome    `json:"outcome"`
	Reason      string     `json:"reason,omitempty"`
	DurationNS  int64      `json:"duration_ns"`
	ExitCode    *int       `json:"exit_code,omitempty"`
	Signal      int        `json:"signal,omitempty"`
	StdoutBytes int64      `json:"stdout_bytes,omitempty"`
	StderrBytes int64      `json:"stderr_bytes,omitempty"`
	Truncated   bool       `json:"truncated,omitempty"`
	Artifacts   []Artifact `json:"artifacts"`
	Kmsg        []string   `json:"kmsg,omitempty"`
	Reproduce   string     `json:"reproduce"` // command that runs just this cell
}

// Artifact is one output that was asked for, and what validation said of it.
type Artifact struct {
	Path       string          `json:"path"`
	Schema     string          `json:"schema"`
	Present    bool            `json:"present"`
	SHA256     string          `json:"sha256,omitempty"`
	Stored     string          `json:"stored,omitempty"` // relative to the report
	Validation *schemas.Report `json:"validation,omitempty"`
}

// Quota is the test time of one deliverable on one kernel.
type Quota struct {
	Deliverable string `json:"deliverable"`
	Kernel      string `json:"kernel"`
	UsedNS      int64  `json:"used_ns"`
	QuotaNS     int64  `json:"quota_ns"`
	Within      bool   `json:"within"`
}

// Summary counts the results.
type Summary struct {
	Green             bool `json:"green"`
	TotalCount        int  `json:"total_count"`
	PassCount         int  `json:"pass_count"`
	FailCount         int  `json:"fail_count"`
	SkipCount         int  `json:"skip_count"`
	InconclusiveCount int  `json:"inconclusive_count"`
	TimeoutCount      int  `json:"timeout_count"`
	PanicCount        int  `json:"panic_count"`
	SplatCount        int  `json:"splat_count"`
	LostCount         int  `json:"lost_count"`
	InfraCount        int  `json:"infra_count"`
	UnavailableCount  int  `json:"unavailable_count"`
}
