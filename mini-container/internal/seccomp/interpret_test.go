package seccomp

import (
	"encoding/binary"
	"fmt"
)

// callData is struct seccomp_data.
type callData struct {
	number, arch uint32
	args         [6]uint64
}

func (d callData) bytes() []byte {
	out := binary.LittleEndian.AppendUint32(nil, d.number)
	out = binary.LittleEndian.AppendUint32(out, d.arch)
	out = binary.LittleEndian.AppendUint64(out, 0) // instruction pointer
	for _, arg := range d.args {
		out = binary.LittleEndian.AppendUint64(out, arg)
	}
	return out
}

// interpret runs a filter as the kernel does. It knows all that libseccomp
// writes, and nothing else.
func interpret(program []Instruction, d callData) (uint32, error) {
	data := d.bytes()
	var a uint32
	for at := 0; at < len(program); at++ {
		in := program[at]
		taken := false
		switch in.Op {
		case opLoad:
			if in.K%4 != 0 || int(in.K)+4 > len(data) {
				return 0, fmt.Errorf("instruction %d loads from %d", at, in.K)
			}
			a = binary.LittleEndian.Uint32(data[in.K:])
			continue
		case opAnd:
			a &= in.K
			continue
		case opRet:
			return in.K, nil
		case opJump:
			at += int(in.K)
			continue
		case opJeq:
			taken = a == in.K
		case opJgt:
			taken = a > in.K
		case opJge:
			taken = a >= in.K
		case 0x45: // BPF_JSET
			taken = a&in.K != 0
		default:
			return 0, fmt.Errorf("instruction %d has unknown operation %#x", at, in.Op)
		}
		if taken {
			at += int(in.Jt)
		} else {
			at += int(in.Jf)
		}
	}
	return 0, fmt.Errorf("program ends without a return")
}
