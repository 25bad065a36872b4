package seccomp

import "slices"

// span is what happens to the calls from a number up to the next span.
type span struct {
	from uint32
	code []Instruction // ends in a return on every path
}

// join drops spans that do the same as the one before.
func join(spans []span) []span {
	var joined []span
	for _, s := range spans {
		if n := len(joined); n > 0 && slices.Equal(joined[n-1].code, s.code) {
			continue
		}
		joined = append(joined, s)
	}
	return joined
}

// search finds the span of the number in the accumulator by halving.
func search(spans []span) []Instruction {
	if len(spans) == 1 {
		return spans[0].code
	}
	middle := len(spans) / 2
	return branch(opJge, spans[middle].from, search(spans[middle:]), search(spans[:middle]))
}

// maxOffset is how far a conditional jump reaches.
const maxOffset = 255

// branch does one of two things, both of which return. A jump only goes
// forward, and a conditional one not far: then a plain jump helps out.
func branch(op uint16, k uint32, yes, no []Instruction) []Instruction {
	test := Instruction{Op: op, K: k}
	switch {
	case len(yes) <= maxOffset:
		test.Jf = uint8(len(yes))
		return slices.Concat([]Instruction{test}, yes, no)
	case len(no) <= maxOffset:
		test.Jt = uint8(len(no))
		return slices.Concat([]Instruction{test}, no, yes)
	}
	test.Jt = 1
	return slices.Concat([]Instruction{test, {Op: opJump, K: uint32(len(yes))}}, yes, no)
}
