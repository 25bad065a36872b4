package devices_test

import (
	"math/rand/v2"
	"testing"

	"github.com/cilium/ebpf/asm"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/mini-container/internal/devices"
)

// request is what the kernel asks a program.
type request struct {
	kind         devices.Type
	major, minor uint32
	access       devices.Access
}

// plain is the meaning of rules in other words than the compiler's: permission
// by permission, from the first rule to the last.
func plain(rules []devices.Rule, q request) bool {
	for _, bit := range []devices.Access{devices.Make, devices.Read, devices.Write} {
		if q.access&bit == 0 {
			continue
		}
		verdict := false
		for _, r := range rules {
			same := (r.Type == devices.Both || r.Type == q.kind) &&
				(r.Major == devices.Any || r.Major == int64(q.major)) && (r.Minor == devices.Any || r.Minor == int64(q.minor))
			if same && r.Access&bit != 0 {
				verdict = r.Allow
			}
		}
		if !verdict {
			return false
		}
	}
	return true
}

// interpret runs a program as bpf(2) does, those instructions that there are.
// Jumps lead to symbols.
func interpret(t *testing.T, program asm.Instructions, q request) bool {
	t.Helper()
	symbols := map[string]int{}
	for i, ins := range program {
		if ins.Symbol() != "" {
			symbols[ins.Symbol()] = i
		}
	}
	context := map[int16]uint32{0: uint32(q.access)<<16 | uint32(q.kind), 4: q.major, 8: q.minor}
	var r [11]uint64
	for at := 0; at < len(program); at++ {
		ins := program[at]
		operand := uint64(ins.Constant)
		if ins.OpCode.Class().IsALU() || ins.OpCode.Class().IsJump() {
			if ins.OpCode.Source() == asm.RegSource {
				operand = r[ins.Src]
			}
		}
		switch op := ins.OpCode; {
		case op.Class().IsLoad():
			require.Equal(t, asm.R1, ins.Src)
			r[ins.Dst] = uint64(context[ins.Offset])
		case op.JumpOp() == asm.Exit:
			return r[0] == 1
		case op.Class().IsJump():
			equal := r[ins.Dst] == operand
			if equal == (op.JumpOp() == asm.JEq) {
				target, found := symbols[ins.Reference()]
				require.True(t, found, "jump to nowhere: %v", ins)
				require.Greater(t, target, at, "a jump backwards")
				at = target - 1
			}
		default:
			calculate(t, op.ALUOp(), &r[ins.Dst], operand)
		}
	}
	require.Fail(t, "the program has no end")
	return false
}

func calculate(t *testing.T, op asm.ALUOp, into *uint64, operand uint64) {
	switch op {
	case asm.Mov:
		*into = operand
	case asm.And:
		*into &= operand
	case asm.RSh:
		*into >>= operand
	default:
		require.Fail(t, "unknown operation", op.String())
	}
}

// requireSame asks about every number that a rule names, and its neighbours.
func requireSame(t *testing.T, rules []devices.Rule) {
	t.Helper()
	program := devices.Compile(rules)
	requireAllReached(t, program)
	majors, minors := map[uint32]bool{0: true, 4095: true}, map[uint32]bool{0: true, 1<<20 - 1: true}
	for _, r := range rules {
		if r.Major != devices.Any {
			majors[uint32(r.Major)], majors[uint32(r.Major+1)] = true, true
		}
		if r.Minor != devices.Any {
			minors[uint32(r.Minor)], minors[uint32(r.Minor+1)] = true, true
		}
	}
	for major := range majors {
		for minor := range minors {
			for access := devices.Access(1); access <= devices.All; access++ {
				for _, kind := range []devices.Type{devices.Block, devices.Char} {
					q := request{kind, major, minor, access}
					require.Equal(t, plain(rules, q), interpret(t, program, q), "%+v %+v\n%v", rules, q, program)
				}
			}
		}
	}
}

// requireAllReached: the verifier refuses dead code.
func requireAllReached(t *testing.T, program asm.Instructions) {
	t.Helper()
	symbols, reached := map[string]bool{}, true
	for _, ins := range program {
		reached = reached || symbols[ins.Symbol()]
		require.True(t, reached, "dead code: %v", program)
		if ins.OpCode.Class().IsJump() {
			symbols[ins.Reference()] = true
			reached = ins.OpCode.JumpOp() != asm.Exit
		}
	}
	require.False(t, reached, "it runs over its end")
}

func TestCompile(t *testing.T) {
	denyAll := devices.Rule{Type: devices.Both, Major: devices.Any, Minor: devices.Any, Access: devices.All}
	allowAll := denyAll
	allowAll.Allow = true
	null := devices.Rule{Allow: true, Type: devices.Char, Major: 1, Minor: 3, Access: devices.All}
	noWrite := devices.Rule{Type: devices.Char, Major: 1, Minor: devices.Any, Access: devices.Write}
	tests := []struct {
		name  string
		rules []devices.Rule
		q     request
		want  bool
	}{
		{"no rule denies", nil, request{devices.Char, 1, 3, devices.Read}, false},
		{"what is listed is allowed", []devices.Rule{null}, request{devices.Char, 1, 3, devices.Read | devices.Write}, true},
		{"a block device is not a character device", []devices.Rule{null}, request{devices.Block, 1, 3, devices.Read}, false},
		{"a later rule wins", []devices.Rule{null, noWrite}, request{devices.Char, 1, 3, devices.Write}, false},
		{"for its own permissions", []devices.Rule{null, noWrite}, request{devices.Char, 1, 3, devices.Read}, true},
		{"one of two is not enough", []devices.Rule{null, noWrite}, request{devices.Char, 1, 3, devices.Read | devices.Write}, false},
		{"an earlier rule does not", []devices.Rule{noWrite, null}, request{devices.Char, 1, 3, devices.Write}, true},
		{"everything, and less", []devices.Rule{allowAll, noWrite}, request{devices.Char, 1, 9, devices.Write}, false},
		{"nothing, and more", []devices.Rule{denyAll, null}, request{devices.Char, 1, 3, devices.All}, true},
		{"nothing after all", []devices.Rule{null, denyAll}, request{devices.Char, 1, 3, devices.Read}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			require.Equal(t, tt.want, interpret(t, devices.Compile(tt.rules), tt.q))
			requireSame(t, tt.rules)
		})
	}
	requireSame(t, devices.Defaults())
}

func TestCompileRandomRules(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		data := make([]byte, random.IntN(60))
		for i := range data {
			data[i] = byte(random.Uint32())
		}
		requireSame(t, rulesOf(data))
	}
}

// rulesOf makes rules of any bytes, five for each.
func rulesOf(data []byte) (rules []devices.Rule) {
	number := func(b byte) int64 {
		if b%3 == 0 {
			return devices.Any
		}
		return int64(b % 4)
	}
	for ; len(data) >= 5; data = data[5:] {
		rules = append(rules, devices.Rule{
			Allow: data[0]%2 == 0, Type: devices.Type(data[1] % 3), Major: number(data[2]), Minor: number(data[3]), Access: 1 + devices.Access(data[4]%7),
		})
	}
	return rules
}

func FuzzCompile(f *testing.F) {
	f.Add([]byte{0, 2, 1, 3, 6, 1, 0, 0, 0, 6})
	f.Add([]byte{1, 0, 0, 0, 6, 0, 2, 1, 1, 1})
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) < 100 {
			requireSame(t, rulesOf(data))
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{"allow c 10:232 rw", "deny a *:* rwm", "b 7:* m", "c 1:3", "deny", "c 1:-1 r"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		rule, err := devices.Parse(text)
		if err != nil {
			return
		}
		rules, err := devices.FromOCI([]specs.LinuxDeviceCgroup{rule})
		require.NoError(t, err, "what is parsed is valid")
		require.Equal(t, rule.Allow, rules[0].Allow)
	})
}
