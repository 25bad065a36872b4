package report

import (
	"fmt"
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
	Parts   []Part   `json:"parts,omitempty"` // of a merged report
}

// Part is a report that a merged one was made from.
type Part struct {
	SHA256 string   `json:"sha256"` // of its report.json
	Series []string `json:"series"` // its kernels
	Run    Run      `json:"run"`
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
	Stages         []Stage     `json:"stages,omitempty"`
	HarnessShareNS int64       `json:"harness_share_ns,omitempty"` // wall time in which no test ran
	Slowdown       float64     `json:"speed_ratio,omitempty"`      // by which budgets were stretched
	Shard          *Shard      `json:"shard,omitempty"`
	Planned        *Planned    `json:"planned,omitempty"` // by all shards together
	Programs       []Program   `json:"programs,omitempty"`
	Guest          *Guest      `json:"guest,omitempty"` // as the run was asked for
}

// Stage is where the time of a run went. Stages overlap: several kernels are
// worked on at once.
type Stage struct {
	Name   string `json:"name"`
	WallNS int64  `json:"wall_ns"` // from the first begin to the last end
	BusyNS int64  `json:"busy_ns"` // summed over kernels and tests
}

// Shard is a part of a run that was split over several machines: 1/5 to 5/5.
type Shard struct {
	Index int `json:"index"`
	Count int `json:"shards_count"`
}

// Planned is what all shards of a run have to show together: each test on each
// kernel. It tells what is missing when a shard is.
type Planned struct {
	Series []string `json:"series"`
	Tests  []string `json:"tests"`
}

// Program is an executable that was built and put into the guest.
type Program struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
}

// Host is the machine that QEMU ran on.
type Host struct {
	Kernel      string `json:"kernel"`
	Arch        string `json:"arch"`
	CPUCount    int    `json:"cpu_count"`
	MemoryBytes int64  `json:"memory_bytes,omitempty"`
}

// Guest is the machine that each test had, where its plan asked for none of
// its own.
type Guest struct {
	MemoryBytes int64    `json:"memory_bytes"`
	CPUCount    int      `json:"cpu_count"`
	KernelArgs  []string `json:"kernel_args,omitempty"` // besides the harness's own
	Modules     []string `json:"modules,omitempty"`     // besides those of the plans
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
	ImageHash      string    `json:"image_hash,omitempty"` // of the first of Images
	Images         []Image   `json:"images,omitempty"`     // that its tests need
	ModulesSHA256  string    `json:"modules_sha256,omitempty"`
	Outcome        Outcome   `json:"outcome"`
	Reason         string    `json:"reason,omitempty"`
	BootNS         int64     `json:"boot_ns,omitempty"`
	ColdBootNS     int64     `json:"cold_boot_ns,omitempty"` // of the boot that the snapshot was taken from
	SnapshotNS     int64     `json:"snapshot_ns,omitempty"`  // to save the snapshot, if this run did
	DurationNS     int64     `json:"duration_ns,omitempty"`
	ShutdownReason string    `json:"shutdown_reason,omitempty"`
	AttemptsCount  int       `json:"attempts_count"`
	FailedAttempts []Attempt `json:"failed_attempts,omitempty"`
	BootSplats     []string  `json:"boot_splats,omitempty"` // charged to no test
	ConsoleLog     string    `json:"console_log,omitempty"` // relative to the report
}

// Image is a root disk.
type Image struct {
	Name string `json:"name"`
	Hash string `json:"hash"` // of its recipe
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
	File    string `json:"file,omitempty"`
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
	Tests       []Test     `json:"tests,omitempty"`
	Artifacts   []Artifact `json:"artifacts"`
	Kmsg        []string   `json:"kmsg,omitempty"`
	OutputTail  []string   `json:"output_tail,omitempty"`  // last lines of what the test wrote
	ConsoleTail []string   `json:"console_tail,omitempty"` // last lines of the guest's console
	ConsoleLog  string     `json:"console_log,omitempty"`  // relative to the report
	FailedStage string     `json:"failed_stage,omitempty"`
	VM          *VMStats   `json:"vm,omitempty"`
	Trust       string     `json:"trust,omitempty"`
	Resumed     bool       `json:"resumed,omitempty"` // kept from an earlier run
	Reproduce   string     `json:"reproduce"`         // command that runs just this cell
}

// VMStats is what the VM of one test cost.
type VMStats struct {
	Restored         bool  `json:"restored"` // from a snapshot; else booted cold
	BootNS           int64 `json:"boot_ns"`
	TeardownNS       int64 `json:"teardown_ns"`
	QEMUPeakRSSBytes int64 `json:"qemu_peak_rss_bytes"`
	AttemptsCount    int   `json:"attempts_count"`
}

// Test is one Go test inside an entry.
type Test struct {
	Name       string  `json:"name"`
	Outcome    Outcome `json:"outcome"`
	DurationNS int64   `json:"duration_ns"`
	Reason     string  `json:"reason,omitempty"`
}

// Artifact is one output that was asked for, and what validation said of it.
type Artifact struct {
	Path       string          `json:"path"`
	Schema     string          `json:"schema"`
	Present    bool            `json:"present"`
	SizeBytes  int64           `json:"size_bytes,omitempty"`
	SHA256     string          `json:"sha256,omitempty"`
	Stored     string          `json:"stored,omitempty"` // relative to the report
	Validation *schemas.Report `json:"validation,omitempty"`
}

// Quota is the test time of one deliverable on one kernel.
type Quota struct {
	Deliverable string `json:"deliverable"`
	Kernel      string `json:"kernel"`
	UsedNS      int64  `json:"used_ns"`
	ReferenceNS int64  `json:"reference_ns,omitempty"` // used_ns by the speed of the machine that quotas are made for
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

// String is the number of a shard as the command line takes it: "2/5".
func (s Shard) String() string { return fmt.Sprintf("%d/%d", s.Index, s.Count) }

// state is what became of an artifact, in a word or two.
func (a Artifact) state() string {
	switch {
	case !a.Present:
		return "missing"
	case a.Validation == nil:
		return "not validated"
	case !a.Validation.OK():
		return "invalid"
	}
	return "valid"
}
