package vmtest

import (
	"time"

	"namespaces-cgroups-ebpf/internal/report"
)

// Stage is where a run is.
type Stage string

// The stages of a run. The image is shared by all kernels.
const (
	StageFetch Stage = "fetch"
	StageImage Stage = "image"
	StageBoot  Stage = "boot"
	StageTest  Stage = "test"
	StageDone  Stage = "done"
)

// Event is one step of progress. The stream of events is all that a user
// interface gets to see of a run.
type Event struct {
	Time    time.Time
	Stage   Stage
	Kernel  string         // series; empty for what is shared
	Test    string         // deliverable/entry in StageTest
	Begin   bool           // the step starts; else it has ended
	Outcome report.Outcome // of a step that has ended
	Took    time.Duration  // of a step that has ended
	Text    string         // for people
}
