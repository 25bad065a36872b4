package multitenantcgroups

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// The kinds of Step.
const (
	StepEnable = "enable" // controllers for the children of a cgroup
	StepCreate = "create" // a cgroup, and our mark on it
	StepWrite  = "write"  // a limit
)

const subtreeControl = "cgroup.subtree_control"

// Step is one change that apply makes.
type Step struct {
	Kind     string `json:"kind"`
	Cgroup   string `json:"cgroup"`   // below the cgroup root; "" is the root itself
	File     string `json:"file"`     // "" for StepCreate
	Value    string `json:"value"`    // what is written
	Previous string `json:"previous"` // what the kernel held before; "" for StepCreate
	Readback string `json:"readback"` // what the kernel held afterwards
}

// Plan lists the steps from what the kernel holds to what the policy says, in
// order: controllers from the top down, then tenant by tenant. What is already
// so needs no step; an empty plan means that the policy is in force.
func Plan(tree Tree, p Policy) ([]Step, error) {
	wanted := controllersOf(p)
	if err := available(tree, wanted); err != nil {
		return nil, err
	}
	var steps []Step
	for _, part := range []func(Tree, Policy, []string) ([]Step, error){planRoot, planTenants} {
		more, err := part(tree, p, wanted)
		if err != nil {
			return nil, err
		}
		steps = append(steps, more...)
	}
	return steps, nil
}

// controllersOf lists the controllers that the policy needs, sorted.
func controllersOf(p Policy) []string {
	var names []string
	for _, t := range p.Tenants {
		for control := range t.Limits {
			names = append(names, controllerOf(control))
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func available(tree Tree, wanted []string) error {
	have, err := tree.Read("", "cgroup.controllers")
	if err != nil {
		return fmt.Errorf("read controllers: %w", err)
	}
	for _, name := range wanted {
		if !slices.Contains(strings.Fields(have), name) {
			return fmt.Errorf("%w: %s is not in cgroup.controllers of the cgroup root (there: %s); it may belong to a cgroup v1 hierarchy, be off in the kernel, or not be delegated", ErrNoController, name, have)
		}
	}
	return nil
}

func planRoot(tree Tree, p Policy, wanted []string) ([]Step, error) {
	above, err := planEnable(tree, "", wanted)
	if err != nil {
		return nil, err
	}
	create, err := planCreate(tree, p.Root)
	if err != nil {
		return nil, err
	}
	if create != nil {
		return append(above, *create, enableAll(p.Root, wanted)), nil
	}
	below, err := planEnable(tree, p.Root, wanted)
	return append(above, below...), err
}

// planEnable returns no step or one.
func planEnable(tree Tree, cgroup string, wanted []string) ([]Step, error) {
	enabled, err := tree.Read(cgroup, subtreeControl)
	if err != nil {
		return nil, fmt.Errorf("read enabled controllers: %w", err)
	}
	missing := slices.DeleteFunc(slices.Clone(wanted), func(name string) bool {
		return slices.Contains(strings.Fields(enabled), name)
	})
	if len(missing) == 0 {
		return nil, nil
	}
	step := enableAll(cgroup, missing)
	step.Previous = enabled
	return []Step{step}, nil
}

func enableAll(cgroup string, names []string) Step {
	return Step{Kind: StepEnable, Cgroup: cgroup, File: subtreeControl, Value: "+" + strings.Join(names, " +")}
}

// planCreate returns nil if the cgroup is there and ours.
func planCreate(tree Tree, cgroup string) (*Step, error) {
	there, err := tree.Exists(cgroup)
	if err != nil {
		return nil, fmt.Errorf("look for cgroup %s: %w", cgroup, err)
	}
	if !there {
		return &Step{Kind: StepCreate, Cgroup: cgroup}, nil
	}
	return nil, requireOurs(tree, cgroup)
}

func requireOurs(tree Tree, cgroup string) error {
	owner, err := tree.Owner(cgroup)
	if err != nil {
		return err
	}
	if owner != ownerMark {
		return fmt.Errorf("cgroup %s: %w", cgroup, ErrForeign)
	}
	return nil
}

func planTenants(tree Tree, p Policy, _ []string) ([]Step, error) {
	var steps []Step
	for _, t := range p.Tenants {
		cgroup := path.Join(p.Root, t.Name)
		create, err := planCreate(tree, cgroup)
		if err != nil {
			return nil, err
		}
		if create != nil {
			steps = append(steps, *create)
		}
		limits, err := planLimits(tree, cgroup, t.Limits, create != nil)
		if err != nil {
			return nil, err
		}
		steps = append(steps, limits...)
	}
	return steps, nil
}

// planLimits returns a write for each control whose value differs from what
// the kernel holds. Controls that the policy does not name are set back to no
// limit: an older version of the policy may have set them.
func planLimits(tree Tree, cgroup string, limits map[string]string, fresh bool) ([]Step, error) {
	var steps []Step
	for _, control := range Controls {
		step := Step{Kind: StepWrite, Cgroup: cgroup, File: control, Value: limits[control]}
		if !fresh {
			current, err := tree.Read(cgroup, control)
			if errors.Is(err, fs.ErrNotExist) && step.Value == "" {
				continue
			}
			if err != nil {
				return nil, fmt.Errorf("read limit: %w", explain(err, step, ""))
			}
			step.Previous = current
		}
		if step.Value == "" && !fresh && !strings.HasPrefix(step.Previous, unlimited) {
			step.Value = withoutLimit(control)
		}
		if step.Value != "" && step.Value != step.Previous {
			steps = append(steps, step)
		}
	}
	return steps, nil
}

func withoutLimit(control string) string {
	if control == CPUMax {
		return fmt.Sprintf("%s %d", unlimited, cpuPeriod)
	}
	return unlimited
}
