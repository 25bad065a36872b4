package multitenantcgroups

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ApplySchema is the schema of ApplyReport.
const ApplySchema = "cgroup-apply/v1"

// ApplyReport tells what apply did. It is encoded as cgroup-apply/v1.
type ApplyReport struct {
	Schema    string      `json:"schema"`
	Root      string      `json:"root"`
	Admission []Admission `json:"admission"`
	Steps     []Step      `json:"steps"` // in order; empty if nothing had to change
}

// Apply makes the kernel hold what the policy says. It reads every value back
// and fails if the kernel holds another. On an error, and when ctx is done, it
// undoes its own steps in reverse order; applying twice changes nothing.
//
// Controllers that it enables in the cgroup root stay enabled when it
// succeeds: others may have come to rely on them since.
func Apply(ctx context.Context, tree Tree, p Policy, c Capacity) (ApplyReport, error) {
	report := ApplyReport{Schema: ApplySchema, Root: p.Root, Admission: Admit(p, c), Steps: []Step{}}
	if err := admit(p, report.Admission); err != nil {
		return report, err
	}
	steps, err := Plan(tree, p)
	if err != nil {
		return report, fmt.Errorf("plan policy: %w", err)
	}
	for _, s := range steps {
		done, err := execute(ctx, tree, s)
		if err == nil {
			report.Steps = append(report.Steps, done)
			continue
		}
		err = fmt.Errorf("apply policy: %w", err)
		return report, errors.Join(err, rollBack(tree, append(report.Steps, done)))
	}
	return report, nil
}

func admit(p Policy, all []Admission) error {
	if p.Admission != AdmissionRefuse {
		return nil
	}
	for _, a := range all {
		if a.Overcommit {
			return fmt.Errorf("admit policy: %w: %s", ErrOvercommit, a)
		}
	}
	return nil
}

// execute makes one step and reads it back. The step comes back with Kind ""
// if it changed nothing that would have to be undone.
func execute(ctx context.Context, tree Tree, s Step) (Step, error) {
	if err := ctx.Err(); err != nil {
		return Step{}, err
	}
	if s.Kind == StepCreate {
		return create(tree, s)
	}
	if s.Previous == "" {
		previous, err := tree.Read(s.Cgroup, s.File)
		if err != nil {
			return Step{}, explain(err, s, "")
		}
		s.Previous = previous
	}
	if err := tree.Write(s.Cgroup, s.File, s.Value); err != nil {
		procs, _ := tree.Read(s.Cgroup, "cgroup.procs")
		return Step{}, explain(err, s, procs)
	}
	return readBack(tree, s)
}

func create(tree Tree, s Step) (Step, error) {
	if err := tree.Create(s.Cgroup); err != nil {
		return Step{}, explain(err, s, "")
	}
	return s, tree.SetOwner(s.Cgroup, ownerMark)
}

func readBack(tree Tree, s Step) (Step, error) {
	held, err := tree.Read(s.Cgroup, s.File)
	if err != nil {
		return s, err
	}
	s.Readback = held
	if s.Kind == StepWrite && held != s.Value {
		return s, fmt.Errorf("write %s of %s: wrote %q but the kernel holds %q", s.File, s.Cgroup, s.Value, held)
	}
	for _, want := range strings.Fields(s.Value) {
		name, enable := strings.CutPrefix(want, "+")
		if s.Kind == StepEnable && enable && !slices.Contains(strings.Fields(held), name) {
			return s, fmt.Errorf("enable %s in %q: the kernel holds %q", name, s.Cgroup, held)
		}
	}
	return s, nil
}

// rollBack undoes steps, last first, and goes on after an error: what can be
// put back is put back.
func rollBack(tree Tree, steps []Step) error {
	var all error
	for _, s := range slices.Backward(steps) {
		if err := undo(tree, s); err != nil {
			all = errors.Join(all, fmt.Errorf("roll back %s %s %s: %w", s.Kind, s.Cgroup, s.File, err))
		}
	}
	return all
}

func undo(tree Tree, s Step) error {
	switch s.Kind {
	case StepCreate:
		return tree.Delete(s.Cgroup)
	case StepWrite:
		return tree.Write(s.Cgroup, s.File, s.Previous)
	case StepEnable:
		return tree.Write(s.Cgroup, s.File, strings.ReplaceAll(s.Value, "+", "-"))
	}
	return nil
}
