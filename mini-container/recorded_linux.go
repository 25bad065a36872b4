package minicontainer

import (
	"fmt"
	"io"
	"runtime"
	"strings"

	"namespaces-cgroups-ebpf/mini-container/internal/record"
	"namespaces-cgroups-ebpf/mini-container/internal/seccomp"
)

// Recorded is what one run really did, as the kernel saw it.
type Recorded struct {
	ExitCode int            `json:"exit_code"`
	LeftOut  int            `json:"left_out_count"` // calls that make no container
	Calls    []RecordedCall `json:"calls"`
}

// RecordedCall is one system call, in the order in which they began.
type RecordedCall struct {
	Step      string   `json:"step,omitempty"` // "" outside of all steps
	Undo      bool     `json:"undo"`           // the step was taken back
	By        string   `json:"by"`
	PID       int      `json:"pid"`
	Call      string   `json:"call"`
	Arguments []string `json:"arguments"`
	Result    string   `json:"result,omitempty"` // "" if it did not return
	Group     string   `json:"group"`
	Purpose   string   `json:"purpose"`
	Man       string   `json:"man"`
	Without   string   `json:"without"`
}

// Record runs a program that sets Container.Marks, with our standard streams,
// and explains what it does. live, if not nil, is written to meanwhile.
func Record(path string, args []string, live io.Writer, started func(pid int)) (*Explanation, error) {
	command := record.Command{Path: path, Args: args, Name: seccomp.CallName}
	if live != nil {
		command.Observer = &narrator{out: live, told: map[string]bool{}}
	}
	if command.Name(0) == "" {
		return nil, fmt.Errorf("record system calls: their names on %s are not known", runtime.GOARCH)
	}
	recording, err := record.Run(command, started)
	if err != nil {
		return nil, err
	}
	return explainRecording(recording), nil
}

func explainRecording(r *record.Recording) *Explanation {
	e := &Explanation{Schema: ExplainSchema, Recorded: &Recorded{ExitCode: r.Exit, LeftOut: r.LeftOut, Calls: []RecordedCall{}}}
	for _, name := range r.Steps {
		if s, known := explainedStep(name); known {
			e.Steps = append(e.Steps, s)
		}
	}
	for _, c := range r.Calls {
		e.Recorded.Calls = append(e.Recorded.Calls, RecordedCall{
			Step: c.Step, Undo: c.Undo, By: by(c), PID: c.PID, Call: c.Name, Arguments: c.Arguments, Result: c.Result,
			Group: c.Group, Purpose: c.Purpose, Man: c.Man, Without: c.Without,
		})
	}
	return e
}

func explainedStep(name string) (ExplainedStep, bool) {
	for _, s := range Explain().Steps {
		if s.Step == name {
			return s, true
		}
	}
	return ExplainedStep{}, false
}

func by(c *record.Call) string {
	if c.Main {
		return BySupervisor
	}
	return ByChild
}

// narrator prints calls as they return.
type narrator struct {
	out  io.Writer
	last string          // what the calls before were part of
	told map[string]bool // calls that have been explained
}

// Step prints what begins, also if no call will follow.
func (n *narrator) Step(name string) {
	s, _ := explainedStep(name)
	n.last = name
	fmt.Fprintf(n.out, "\n%s (%s): %s\n  see %s; without: %s\n", name, s.By, s.Purpose, s.Man, s.Without)
}

// Call prints one call, below what it is part of, and explains it the first
// time.
func (n *narrator) Call(c *record.Call) {
	part := c.Step
	if c.Undo {
		part = "taking back " + c.Step
	}
	if part != n.last {
		n.last = part
		fmt.Fprintf(n.out, "\n%s\n", orDefault(part, "outside of all steps"))
	}
	fmt.Fprintf(n.out, "  [%d] %s\n", c.PID, callText(c.Name, c.Arguments, c.Result))
	if about := c.Name + c.Group; !n.told[about] {
		n.told[about] = true
		fmt.Fprintf(n.out, "      %s: %s; without it %s\n", c.Man, c.Purpose, c.Without)
	}
}

func callText(name string, arguments []string, result string) string {
	return fmt.Sprintf("%s(%s) = %s", name, strings.Join(arguments, ", "), orDefault(result, "?"))
}
