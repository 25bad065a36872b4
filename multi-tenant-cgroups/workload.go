package multitenantcgroups

// The kinds of workload; each tries to exceed one control.
const (
	workMemory = "memory" // touch and lock Amount bytes
	workPids   = "pids"   // fork Amount times
	workCPU    = "cpu"    // spin
)

// WorkloadSpec says what a workload does. The workload process reads it, then
// one command per line, from its standard input, and answers each with one
// WorkloadState on its standard output: a protocol of this package alone. After
// commandStop the next spec may follow.
type WorkloadSpec struct {
	Kind      string
	Amount    uint64 // bytes or forks; unused by workCPU
	Processes int    // how many do the work at the same time
}

// WorkloadState is what a workload has done so far.
type WorkloadState struct {
	Pids     []int  // the processes that do the work
	Touched  uint64 // bytes that are resident
	Locked   bool   // whether those bytes are kept from being swapped out
	Forks    uint64 // children made
	Errno    int    // of the call that failed, or 0
	Done     bool   // all of Amount was done, or a call failed
	Ended    bool   // all Pids have ended
	Signal   int    // that ended the first of them, or 0
	ExitCode int    // of the first of them, if no signal ended it
}

// The commands of the protocol.
const (
	commandGo   = "go"   // begin to work
	commandStat = "stat" // just answer
	commandStop = "stop" // kill what is there and answer; the workload is over
)
