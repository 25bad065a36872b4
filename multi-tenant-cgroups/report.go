package multitenantcgroups

import "time"

// VerifySchema is the schema of VerifyReport.
const VerifySchema = "cgroup-verify/v1"

// Verdict is the outcome of a proof, or the worst of several.
type Verdict string

// The verdicts, from best to worst.
const (
	Pass         Verdict = "pass"         // the limit holds, and the control run exceeded it
	Unsupported  Verdict = "unsupported"  // this kernel does not have the control
	Inconclusive Verdict = "inconclusive" // nothing was proved, either way
	Fail         Verdict = "fail"         // the limit does not hold
)

// worse returns the worse of two verdicts; "" is better than any.
func worse(a, b Verdict) Verdict {
	rank := map[Verdict]int{Pass: 1, Unsupported: 2, Inconclusive: 3, Fail: 4}
	if rank[b] > rank[a] {
		return b
	}
	return a
}

// VerifyReport is what verify found. It is encoded as cgroup-verify/v1.
type VerifyReport struct {
	Schema      string         `json:"schema"`
	Kernel      string         `json:"kernel"` // release as in uname(2)
	StartedAt   time.Time      `json:"started_at"`
	DurationNS  int64          `json:"duration_ns"`
	CPUs        int            `json:"cpus_count"`
	Environment Environment    `json:"environment"`
	Tenants     []TenantReport `json:"tenants"`
	Verdict     Verdict        `json:"verdict"`
}

// Environment tells what the proofs had to work with.
type Environment struct {
	Controllers []string `json:"controllers"` // of the cgroup root
	Missed      []string `json:"missed"`      // interface files that this kernel lacks
}

// TenantReport holds the proofs of one tenant.
type TenantReport struct {
	Name       string     `json:"name"`
	Verdict    Verdict    `json:"verdict"`
	Proofs     []Proof    `json:"proofs"`
	Neighbours Neighbours `json:"neighbours"`
}

// Neighbours tells whether the proofs of one tenant left traces in the event
// counters of the others.
type Neighbours struct {
	Verdict Verdict   `json:"verdict"`
	Checked int       `json:"checked_count"` // counters compared
	Changed []Counter `json:"changed"`
}

// Counter is one value of an interface file before and after a proof, as the
// kernel spelled it.
type Counter struct {
	Cgroup string `json:"cgroup"` // below the cgroup root
	File   string `json:"file"`
	Key    string `json:"key"` // "" if the file holds a single value
	Before string `json:"before"`
	After  string `json:"after"`
}

// Proof is the outcome of one attempt to exceed one limit.
type Proof struct {
	Control     string    `json:"control"`
	Verdict     Verdict   `json:"verdict"`
	Reason      string    `json:"reason"`       // one sentence
	PolicyValue string    `json:"policy_value"` // what the kernel should hold
	KernelValue string    `json:"kernel_value"` // what it holds
	Expected    string    `json:"expected"`     // one sentence
	Measured    Run       `json:"measured"`
	ControlRun  Run       `json:"control_run"` // the same workload without the limit
	Tolerance   Tolerance `json:"tolerance"`
	Noise       Noise     `json:"noise"`
	Evidence    []Counter `json:"evidence"` // counters of the tenant
}

// Tolerance bounds Run.LimitUsed of a limit that holds.
type Tolerance struct {
	Low  float64 `json:"low_ratio"`
	High float64 `json:"high_ratio"`
}

// Noise tells how far the machine kept the verifier from running on time.
type Noise struct {
	MaxGapNS int64 `json:"max_gap_ns"` // worst lateness of a 5 ms sleep
	LateNS   int64 `json:"late_ns"`    // sum of all lateness of more than 10 ms
}

// Run is what one workload reached. Fields of other controls are nil.
type Run struct {
	Ran        bool    `json:"ran"`              // false: the workload was not started; the rest means nothing
	Completed  bool    `json:"completed"`        // the workload did all it set out to do
	LimitUsed  float64 `json:"limit_used_ratio"` // what it reached, divided by the limit of the policy
	DurationNS int64   `json:"duration_ns"`      // from the start of the work to the last sample
	Signal     int     `json:"signal"`           // that ended it, or 0
	Errno      int     `json:"errno"`            // of the call that was refused, or 0

	Touched *uint64 `json:"touched_bytes,omitempty"` // made resident
	Peak    *uint64 `json:"peak_bytes,omitempty"`    // highest memory.current seen
	Locked  *bool   `json:"locked,omitempty"`        // memory could not be swapped out

	Forks     *uint64 `json:"forks_count,omitempty"`
	Processes *uint64 `json:"processes_count,omitempty"` // pids.current at the end

	UsageNS   *uint64 `json:"usage_ns,omitempty"`        // CPU time
	Periods   *uint64 `json:"periods_count,omitempty"`   // nr_periods that passed
	Throttled *uint64 `json:"throttled_count,omitempty"` // nr_throttled
	Spinners  *int    `json:"spinners_count,omitempty"`  // processes that spun
}
