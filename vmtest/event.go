package vmtest

import (
	"time"

	"namespaces-cgroups-ebpf/internal/report"
)

// Stage is where a run, or a test in it, is.
type Stage string

// The stages. The image is shared by all kernels; boot, snapshot, test and
// teardown are of one VM, which is one test on one kernel.
const (
	StageFetch    Stage = "fetch"
	StageImage    Stage = "image"
	StageBoot     Stage = "boot"
	StageSnapshot Stage = "snapshot"
	StageTest     Stage = "test"
	StageTeardown Stage = "teardown"
	StageReport   Stage = "report"
	StageDone     Stage = "done"
)

// Event is one step of progress. The stream of events is all that a user
// interface gets to see of a run.
type Event struct {
	Time    time.Time
	Stage   Stage
	Kernel  string         // series; empty for what is shared
	Test    string         // deliverable/entry, in StageBoot and StageTest
	Begin   bool           // the step starts; else it has ended
	Outcome report.Outcome // of a step that has ended
	Took    time.Duration  // of a step that has ended
	Text    string         // for people
	// Minor is a step that is as it always is: a VM that came up from its
	// snapshot. Only a view that shows the present moment needs it.
	Minor bool
	// Settled of Total tests of the kernel have their result, the ended one
	// included. Both are 0 for what is shared.
	Settled, Total int
}
