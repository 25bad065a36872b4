package plan

import (
	"strings"
	"time"

	"namespaces-cgroups-ebpf/internal/kernel"
)

// Schema is the schema of a plan file.
const Schema = "vm-plan/v1"

// What a pass of an entry is.
const (
	ResultGoTest = "gotest" // test2json on stdout: at least one test, all passed
	ResultExit   = "exit"   // exit status 0
)

// Tiers of entries. A run of the full tier includes the default one.
const (
	TierDefault = "default"
	TierFull    = "full"
)

// PID 1 of the guest.
const (
	InitGuest   = "guest"
	InitSystemd = "systemd"
)

// Stdout is the path of an artifact that is the entry's standard output.
const Stdout = "-"

// Plan is the content of one <folder>/vmtest.json.
type Plan struct {
	Schema      string  `json:"schema"`
	Deliverable string  `json:"deliverable"` // the folder
	Entries     []Entry `json:"entries"`
}

// Programs are the names in bin/ of what is under test and of its tests.
func (p Plan) Programs() []string { return []string{p.Deliverable, p.Deliverable + ".test"} }

// Entry is one test: a process in the guest, and what it must leave.
type Entry struct {
	// Deliverable is the folder of the plan; not part of the file.
	Deliverable string     `json:"-"`
	ID          string     `json:"id"` // unique in the plan
	Argv        []string   `json:"argv"`
	Result      string     `json:"result"`     // ResultGoTest or ResultExit
	TimeoutNS   int64      `json:"timeout_ns"` // see Timeout
	Tier        string     `json:"tier"`       // TierDefault or TierFull
	Needs       Needs      `json:"needs"`
	Kernels     []string   `json:"kernels"` // series; empty means all
	Artifacts   []Artifact `json:"artifacts"`
}

// Needs is what an entry asks of the guest.
type Needs struct {
	Features []kernel.Feature `json:"features"`
	Modules  []string         `json:"modules"` // loaded before the entry
	Init     string           `json:"init"`    // InitGuest or InitSystemd
	Root     bool             `json:"root"`
	Image    string           `json:"image"` // "base", "peers" or "build"
	// MemoryBytes is what the guest has at least; 0 is what the run gives all.
	MemoryBytes int64 `json:"memory_bytes,omitempty"`
}

// Artifact is an output that must exist and validate.
type Artifact struct {
	Path   string `json:"path"`   // below VMTEST_OUT, or Stdout
	Schema string `json:"schema"` // "conn-event/v1"
}

// FullID is the name of the entry's results: "mini-container/isolation".
func (e Entry) FullID() string { return e.Deliverable + "/" + e.ID }

// Timeout is the time after which the entry is killed.
func (e Entry) Timeout() time.Duration { return time.Duration(e.TimeoutNS) }

// Applies tells whether the entry is meant to run on the kernel with this
// release ("6.12.43+deb13-cloud-amd64"). If not, reason says why in words
// that can be checked against the release, and the entry's outcome is a skip.
func (e Entry) Applies(release string) (ok bool, reason string, err error) {
	version, err := kernel.Parse(release)
	if err != nil {
		return false, "", err
	}
	if !e.forSeries(version.Series()) {
		return false, "only for kernel " + strings.Join(e.Kernels, ", ") + ", running " + release, nil
	}
	for _, f := range e.Needs.Features {
		err := kernel.Check(f, release)
		if reason, old := tooOld(err); old {
			return false, reason, nil
		}
		if err != nil {
			return false, "", err
		}
	}
	return true, "", nil
}
