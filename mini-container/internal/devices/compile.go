package devices

import (
	"fmt"

	"github.com/cilium/ebpf/asm"
)

// What the program keeps in its registers. R1 is the context, struct
// bpf_cgroup_dev_ctx: access<<16|type, major, minor, each of 32 bits.
const (
	regContext = asm.R1
	regField   = asm.R2 // what a rule is compared with
	regAsked   = asm.R6 // the permissions that no rule has decided yet
	accessBit  = 16     // where the permissions begin in the first word
	typeMask   = 1<<accessBit - 1
)

// Where the context has what.
const (
	offType  = 0
	offMajor = 4
	offMinor = 8
)

// The answers of a program.
const (
	denied  = 0
	allowed = 1
)

// Compile makes the program that decides by the rules. It goes through them
// from the last to the first, so each permission is decided by the first rule
// that it meets:
//
//	asked = access
//	for each rule, last first:
//		if the device does not match: go on
//		if it allows: asked &^= access of the rule; if nothing is left: allow
//		if it denies: if asked & access of the rule: deny
//	deny
func Compile(rules []Rule) asm.Instructions {
	program := asm.Instructions{
		asm.LoadMem(regAsked, regContext, offType, asm.Word),
		asm.RSh.Imm(regAsked, accessBit),
	}
	next := label(len(rules) - 1)
	for i := len(rules) - 1; i >= 0; i-- {
		here := next
		next = label(i - 1)
		program = append(program, named(here, compileRule(rules[i], next))...)
		if rules[i].decidesAll() {
			break // nothing is left for an earlier rule to decide
		}
	}
	return append(program, named(next, answer(denied))...)
}

// named lets others jump to the code.
func named(name string, code asm.Instructions) asm.Instructions {
	code[0] = code[0].WithSymbol(name)
	return code
}

// compileRule leads to next if the rule leaves a permission undecided. It
// loads what it compares each time: if it were kept, the verifier would follow
// each number that it can be through all rules that come after.
func compileRule(r Rule, next string) asm.Instructions {
	var code asm.Instructions
	if r.Type != Both {
		code = append(code, load32(offType), asm.And.Imm(regField, typeMask), asm.JNE.Imm(regField, int32(r.Type), next))
	}
	if r.Major != Any {
		code = append(code, load32(offMajor), asm.JNE.Imm(regField, int32(r.Major), next))
	}
	if r.Minor != Any {
		code = append(code, load32(offMinor), asm.JNE.Imm(regField, int32(r.Minor), next))
	}
	if r.Allow {
		code = append(code,
			asm.And.Imm(regAsked, ^int32(r.Access)),
			asm.JNE.Imm(regAsked, 0, next),
		)
		return append(code, answer(allowed)...)
	}
	code = append(code,
		asm.Mov.Reg(regField, regAsked),
		asm.And.Imm(regField, int32(r.Access)),
		asm.JEq.Imm(regField, 0, next),
	)
	return append(code, answer(denied)...)
}

func load32(offset int16) asm.Instruction { return asm.LoadMem(regField, regContext, offset, asm.Word) }

func answer(value int32) asm.Instructions {
	return asm.Instructions{asm.Mov.Imm(asm.R0, value), asm.Return()}
}

// decidesAll reports whether all three permissions are decided, for every
// device.
func (r Rule) decidesAll() bool {
	return r.Type == Both && r.Major == Any && r.Minor == Any && r.Access == All
}

func label(rule int) string { return fmt.Sprintf("rule %d", rule) }
