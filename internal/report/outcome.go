package report

// Outcome is how one test ended. The set is closed: nothing else may appear
// in a report.
type Outcome string

// The outcomes. Green is Pass, or Skip, whose reason was checked. Lost, Infra
// and Unavailable are never the fault of what was tested.
const (
	Pass         Outcome = "pass"
	Fail         Outcome = "fail"
	Skip         Outcome = "skip"         // the kernel is older than a feature; checked
	Inconclusive Outcome = "inconclusive" // too noisy, and it said so
	Timeout      Outcome = "timeout"
	Panic        Outcome = "panic"       // of the guest kernel, after init's beacon
	Splat        Outcome = "splat"       // oops, WARN, stall: charged to the test that ran
	Lost         Outcome = "lost"        // guest vanished or result missing
	Infra        Outcome = "infra"       // our fault, including a panic before the beacon
	Unavailable  Outcome = "unavailable" // kernel not to be had
)

// Outcomes lists the closed set in the order reports show it.
func Outcomes() []Outcome {
	return []Outcome{Pass, Fail, Skip, Inconclusive, Timeout, Panic, Splat, Lost, Infra, Unavailable}
}

// Green reports whether the outcome lets a run succeed.
func (o Outcome) Green() bool { return o == Pass || o == Skip }

// Harness reports whether the fault is ours, not that of what was tested.
func (o Outcome) Harness() bool { return o == Lost || o == Infra || o == Unavailable }

// Worse reports whether the outcome outweighs another one where both are summed
// up as one.
func (o Outcome) Worse(other Outcome) bool { return severity(o) > severity(other) }
