package seccomp

import "slices"

// rule is an action for when all conditions hold.
type rule struct {
	conditions []condition
	action     uint32
}

// code returns the action if the rule matches, else ends behind itself. A rule
// has at most six conditions, so that every jump fits into its eight bits.
func (r rule) code(wide bool) []Instruction {
	var jumps []jump
	var ends []int // by instruction: where its condition ends
	for _, c := range r.conditions {
		code := c.code(wide)
		jumps = append(jumps, code...)
		for range code {
			ends = append(ends, len(jumps))
		}
	}
	behind := len(jumps) + 1
	out := make([]Instruction, 0, behind)
	for at, j := range jumps {
		out = append(out, j.resolve(at, ends[at], behind))
	}
	return append(out, ret(r.action))
}

func (j jump) resolve(at, holdsAt, failsAt int) Instruction {
	offset := func(t target) uint8 {
		switch t {
		case holds:
			return uint8(holdsAt - at - 1)
		case fails:
			return uint8(failsAt - at - 1)
		}
		return 0
	}
	j.Jt, j.Jf = offset(j.yes), offset(j.no)
	return j.Instruction
}

// call is the rules for one system call.
type call []rule

// add keeps to what libseccomp does: an unconditional rule replaces all
// conditional ones, and the first unconditional one stays.
func (c call) add(r rule) call {
	if len(c) > 0 && len(c[0].conditions) == 0 {
		return c
	}
	if len(r.conditions) == 0 {
		return call{r}
	}
	return append(c, r)
}

// code always returns: the first rule that matches, else the default.
func (c call) code(wide bool, fallback uint32) []Instruction {
	var out []Instruction
	for rest := c; len(rest) > 0; rest = rest[1:] {
		if run, values, found := rest.exceptRun(); found {
			out = append(out, exceptCode(run[0], values)...)
			rest = rest[len(run)-1:]
			continue
		}
		r := rest[0]
		out = append(out, r.code(wide)...)
		if len(r.conditions) == 0 {
			return out
		}
	}
	return append(out, ret(fallback))
}

// simplify drops conditions that always hold.
func simplify(conditions []condition) []condition {
	return slices.DeleteFunc(slices.Clone(conditions), func(c condition) bool { return c.mask == 0 })
}
