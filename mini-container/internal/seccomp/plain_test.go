package seccomp

import (
	"math/rand/v2"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"github.com/stretchr/testify/require"
)

// plainReading decides about a 64-bit call by reading the profile, entry by
// entry.
func plainReading(t *testing.T, profile *specs.LinuxSeccomp, name string, args [6]uint64) uint32 {
	fallback, err := actionCode(profile.DefaultAction, profile.DefaultErrnoRet)
	require.NoError(t, err)
	decision, decided := fallback, false
	for _, entry := range profile.Syscalls {
		action, err := actionCode(entry.Action, entry.ErrnoRet)
		require.NoError(t, err)
		if entry.Names[0] != name || action == fallback {
			continue
		}
		if len(entry.Args) == 0 {
			return action
		}
		if !decided && allHold(entry.Args, args) {
			decision, decided = action, true
		}
	}
	return decision
}

func allHold(conditions []specs.LinuxSeccompArg, args [6]uint64) bool {
	for _, c := range conditions {
		value := args[c.Index]
		holds := map[specs.LinuxSeccompOperator]bool{
			specs.OpEqualTo: value == c.Value, specs.OpNotEqual: value != c.Value, specs.OpLessThan: value < c.Value,
			specs.OpLessEqual: value <= c.Value, specs.OpGreaterThan: value > c.Value, specs.OpGreaterEqual: value >= c.Value,
			specs.OpMaskedEqual: value&c.Value == c.ValueTwo&c.Value,
		}
		if !holds[c.Op] {
			return false
		}
	}
	return true
}

var (
	edges     = []uint64{0, 1, 2, 0x7fffffff, 0x80000000, 0xffffffff, 1 << 32, 1<<32 + 1, 1<<63 - 1, 1 << 63, 0xffffffff00000000, ^uint64(0)}
	operators = []specs.LinuxSeccompOperator{
		specs.OpEqualTo, specs.OpNotEqual, specs.OpLessThan, specs.OpLessEqual, specs.OpGreaterThan, specs.OpGreaterEqual, specs.OpMaskedEqual,
	}
	actions = []specs.LinuxSeccompAction{specs.ActErrno, specs.ActAllow, specs.ActTrap, specs.ActKillProcess, specs.ActLog}
)

// TestPlainReading: rules of one call with any conditions and actions, where
// libseccomp's answer hangs on the shape of its tree.
func TestPlainReading(t *testing.T) {
	rnd := rand.New(rand.NewPCG(9, 9))
	pick := func() uint64 { return edges[rnd.IntN(len(edges))] }
	for range 2000 {
		profile := &specs.LinuxSeccomp{DefaultAction: actions[rnd.IntN(len(actions))]}
		for range 1 + rnd.IntN(5) {
			entry := specs.LinuxSyscall{Names: []string{"ioctl"}, Action: actions[rnd.IntN(len(actions))]}
			for _, index := range rnd.Perm(maxArgs)[:rnd.IntN(4)] {
				operator := operators[rnd.IntN(len(operators))]
				condition := specs.LinuxSeccompArg{Index: uint(index), Op: operator, Value: pick(), ValueTwo: pick()}
				if condition.Value == 0 && operator == specs.OpMaskedEqual {
					condition.Value = 1 // a mask without bits is no condition, see TestAlwaysTrue
				}
				entry.Args = append(entry.Args, condition)
			}
			profile.Syscalls = append(profile.Syscalls, entry)
		}
		program, err := Compile(profile, "amd64")
		require.NoError(t, err)
		for range 50 {
			d := callData{number: 16, arch: 0xc000003e, args: [6]uint64{pick(), pick(), pick(), pick(), pick(), pick()}}
			got, err := interpret(program, d)
			require.NoError(t, err)
			require.Equal(t, plainReading(t, profile, "ioctl", d.args), got, "%+v %#x", profile, d.args)
		}
	}
}
