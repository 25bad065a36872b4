package record

// Call is one system call as it was made.
type Call struct {
	PID       int
	Main      bool // by the process that was started, not one of its children
	Step      string
	Undo      bool // the step was being taken back
	Name      string
	Arguments []string
	Result    string // "0", "ENOENT", a descriptor; "" if it did not return
	Info
}

// Recording is what came of Run.
type Recording struct {
	Steps   []string // marks, in order
	Calls   []*Call  // in the order in which they began
	LeftOut int      // calls that the catalogue does not have
	Exit    int      // exit code, or 128 + signal
}

// Observer is told of each step and of each call that has returned.
type Observer interface {
	Step(name string)
	Call(c *Call)
}
