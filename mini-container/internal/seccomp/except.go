package seccomp

import (
	"math/bits"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// "Any int but these" takes dozens of OCI rules, one for each way to differ
// (see exception). They are turned back here into a comparison with each
// excepted value.

// maxExcepted is how many values are worth that.
const maxExcepted = 8

// lowBits returns how many of the lowest bits, and nothing else, a rule looks
// at; 0 if it is not of that kind.
func (r rule) lowBits() int {
	if len(r.conditions) != 1 || r.conditions[0].op != specs.OpMaskedEqual {
		return 0
	}
	mask := r.conditions[0].mask
	if mask > 1<<32-1 || mask&(mask+1) != 0 {
		return 0
	}
	return bits.Len64(mask)
}

// exceptRun finds the rules at the beginning of c that together are such an
// exception, and the values of the lower half of arg for which none holds.
func (c call) exceptRun() (run call, excepted []uint32, found bool) {
	for len(run) < len(c) && c[len(run)].lowBits() > 0 && c[len(run)].action == c[0].action && c[len(run)].conditions[0].arg == c[0].conditions[0].arg {
		run = c[:len(run)+1]
	}
	if len(run) < 2 {
		return nil, nil, false
	}
	excepted, found = run.missed(0, 0)
	return run, excepted, found
}

// missed lists the values with the given lowest bits for which no rule holds,
// unless they are too many.
func (c call) missed(prefix uint64, known int) ([]uint32, bool) {
	var open call // rules that may hold for some of them
	for _, r := range c {
		n := min(known, r.lowBits())
		if (r.conditions[0].value^prefix)&(1<<n-1) != 0 {
			continue
		}
		if r.lowBits() <= known {
			return nil, true
		}
		open = append(open, r)
	}
	if known == 32 {
		return []uint32{uint32(prefix)}, true
	}
	if len(open) == 0 && 32-known > 3 {
		return nil, false
	}
	zero, found := open.missed(prefix, known+1)
	if !found {
		return nil, false
	}
	one, found := open.missed(prefix|1<<known, known+1)
	all := append(zero, one...)
	return all, found && len(all) <= maxExcepted
}

// exceptCode takes the action unless the argument is one of the values; then
// it ends behind itself.
func exceptCode(r rule, values []uint32) []Instruction {
	out := []Instruction{{Op: opLoad, K: offsetArgs + 8*r.conditions[0].arg}}
	for i, value := range values {
		out = append(out, Instruction{Op: opJeq, K: value, Jt: uint8(len(values) - i)})
	}
	return append(out, ret(r.action))
}
