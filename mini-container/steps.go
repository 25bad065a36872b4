package minicontainer

import (
	"errors"
	"fmt"
	"time"

	"namespaces-cgroups-ebpf/mini-container/internal/record"
)

// Who takes a step.
const (
	BySupervisor = "supervisor" // the process outside
	ByChild      = "child"      // the one that becomes the command
)

// Step describes one named step in the life of a container: for reports,
// explanations and faults.
type Step struct {
	Name    string   // "pivot-root"
	By      string   // BySupervisor or ByChild
	Purpose string   // what it does
	Man     string   // the page that explains its main system call
	Without string   // what would be wrong if it were left out
	Calls   []string // system calls it may make, without the reading and closing of files
}

// step is a Step that can be taken. T is what the steps of one side share.
type step[T any] struct {
	Step
	when func(T) bool  // whether this container needs it; nil is always
	run  func(T) error // an error ends the life cycle here
	undo func(T) error // what run has left on the machine is taken away; nil is nothing
}

// stepFailed says which step it was, without changing what the error says.
type stepFailed struct {
	step string
	err  error
}

func (e *stepFailed) Error() string { return e.err.Error() }
func (e *stepFailed) Unwrap() error { return e.err }

// walk takes the steps in order until one fails. Each one taken is handed to
// note; undo takes back in reverse what was done, the failed step included,
// for a step can fail half-way. mark is told what begins, before it does.
func walk[T any](steps []step[T], shared T, mark func(string), note func(StepTiming)) (undo func() error, err error) {
	var taken []step[T]
	for _, s := range steps {
		if s.when != nil && !s.when(shared) {
			continue
		}
		taken = append(taken, s)
		mark(record.BeginMark(s.Name))
		start := time.Now()
		if err = inject(s.Name); err == nil {
			err = s.run(shared)
		}
		note(StepTiming{Step: s.Name, By: s.By, DurationNS: time.Since(start).Nanoseconds()})
		if err != nil {
			err = &stepFailed{s.Name, err}
			break
		}
	}
	return func() error { return takeBack(taken, shared, mark) }, err
}

// takeBack goes on after an error: whatever can be cleaned up, is.
func takeBack[T any](taken []step[T], shared T, mark func(string)) error {
	var all []error
	for i := len(taken) - 1; i >= 0; i-- {
		if taken[i].undo == nil {
			continue
		}
		mark(record.UndoMark(taken[i].Name))
		if err := taken[i].undo(shared); err != nil {
			all = append(all, fmt.Errorf("undo %s: %w", taken[i].Name, err))
		}
	}
	return errors.Join(all...)
}
