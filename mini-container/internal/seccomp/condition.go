package seccomp

import (
	"fmt"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// maxArgs is how many arguments a system call has.
const maxArgs = 6

// Instruction is one instruction of classic BPF, as in struct sock_filter.
type Instruction struct {
	Op     uint16
	Jt, Jf uint8
	K      uint32
}

// Operations used, see linux/bpf_common.h.
const (
	opLoad = 0x20 // BPF_LD | BPF_W | BPF_ABS
	opAnd  = 0x54 // BPF_ALU | BPF_AND | BPF_K
	opJump = 0x05 // BPF_JMP | BPF_JA
	opJeq  = 0x15 // BPF_JMP | BPF_JEQ | BPF_K
	opJgt  = 0x25 // BPF_JMP | BPF_JGT | BPF_K
	opJge  = 0x35 // BPF_JMP | BPF_JGE | BPF_K
	opRet  = 0x06 // BPF_RET | BPF_K
)

// Offsets in struct seccomp_data.
const (
	offsetNumber = 0
	offsetArch   = 4
	offsetArgs   = 16
)

func ret(action uint32) Instruction { return Instruction{Op: opRet, K: action} }

// condition is one comparison of an argument.
type condition struct {
	arg   uint32
	op    specs.LinuxSeccompOperator
	value uint64
	mask  uint64 // of OpMaskedEqual
}

func newCondition(arg specs.LinuxSeccompArg) (condition, error) {
	if arg.Index >= maxArgs {
		return condition{}, fmt.Errorf("seccomp argument index %d: a system call has %d", arg.Index, maxArgs)
	}
	c := condition{arg: uint32(arg.Index), op: arg.Op, value: arg.Value, mask: ^uint64(0)}
	switch arg.Op {
	case specs.OpMaskedEqual:
		c.mask, c.value = arg.Value, arg.ValueTwo&arg.Value
	case specs.OpEqualTo, specs.OpNotEqual, specs.OpLessThan, specs.OpLessEqual, specs.OpGreaterThan, specs.OpGreaterEqual:
	default:
		return condition{}, fmt.Errorf("unknown seccomp operator %q", arg.Op)
	}
	return c, nil
}

// Where a jump goes. The numbers are not offsets yet.
type target int

const (
	next  target = iota // the following instruction
	holds               // behind this condition
	fails               // behind this rule
)

// jump is an instruction whose targets are still names.
type jump struct {
	Instruction
	yes, no target
}

// code tests the condition: the upper half first, as it may decide alone.
func (c condition) code(wide bool) []jump {
	low, high := offsetArgs+8*c.arg, offsetArgs+8*c.arg+4
	lowValue, highValue := uint32(c.value), uint32(c.value>>32)
	if c.op == specs.OpMaskedEqual {
		code := masked(low, uint32(c.mask), lowValue)
		if wide {
			code = append(masked(high, uint32(c.mask>>32), highValue), code...)
		}
		return code
	}
	code := []jump{load(low), c.lowTest(lowValue)}
	if wide {
		code = append(append([]jump{load(high)}, c.highTest(highValue)...), code...)
	}
	return code
}

func load(offset uint32) jump { return jump{Instruction: Instruction{Op: opLoad, K: offset}} }

func test(op uint16, k uint32, yes, no target) jump {
	return jump{Instruction{Op: op, K: k}, yes, no}
}

// masked compares one half. Nothing is asked where the mask has no bit.
func masked(offset, mask, value uint32) []jump {
	if mask == 0 {
		return nil
	}
	code := []jump{load(offset), {Instruction: Instruction{Op: opAnd, K: mask}}, test(opJeq, value, next, fails)}
	if mask == ^uint32(0) {
		return append(code[:1], code[2])
	}
	return code
}

func (c condition) highTest(value uint32) []jump {
	switch c.op {
	case specs.OpEqualTo:
		return []jump{test(opJeq, value, next, fails)}
	case specs.OpNotEqual:
		return []jump{test(opJeq, value, next, holds)}
	case specs.OpGreaterThan, specs.OpGreaterEqual:
		return []jump{test(opJgt, value, holds, next), test(opJeq, value, next, fails)}
	default:
		return []jump{test(opJgt, value, fails, next), test(opJeq, value, next, holds)}
	}
}

func (c condition) lowTest(value uint32) jump {
	switch c.op {
	case specs.OpEqualTo:
		return test(opJeq, value, next, fails)
	case specs.OpNotEqual:
		return test(opJeq, value, fails, next)
	case specs.OpGreaterThan:
		return test(opJgt, value, next, fails)
	case specs.OpGreaterEqual:
		return test(opJge, value, next, fails)
	case specs.OpLessEqual:
		return test(opJgt, value, fails, next)
	default:
		return test(opJge, value, fails, next)
	}
}
