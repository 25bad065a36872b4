package seccomp

import (
	"encoding/json"
	"fmt"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"github.com/stretchr/testify/require"
)

func TestRefusals(t *testing.T) {
	number := func(n uint) *uint { return &n }
	entry := func(e specs.LinuxSyscall) *specs.LinuxSeccomp {
		return &specs.LinuxSeccomp{DefaultAction: specs.ActAllow, Syscalls: []specs.LinuxSyscall{e}}
	}
	args := func(a specs.LinuxSeccompArg) *specs.LinuxSeccomp {
		return entry(specs.LinuxSyscall{Names: []string{"read"}, Action: specs.ActErrno, Args: []specs.LinuxSeccompArg{a}})
	}
	for name, test := range map[string]struct {
		profile *specs.LinuxSeccomp
		want    string
	}{
		"no default action":    {&specs.LinuxSeccomp{}, `unknown seccomp action ""`},
		"unknown architecture": {&specs.LinuxSeccomp{DefaultAction: specs.ActAllow, Architectures: []specs.Arch{"SCMP_ARCH_VAX"}}, "SCMP_ARCH_VAX"},
		"listener":             {&specs.LinuxSeccomp{DefaultAction: specs.ActAllow, ListenerPath: "/run/agent"}, "listener is not supported"},
		"notify":               {entry(specs.LinuxSyscall{Names: []string{"read"}, Action: specs.ActNotify}), "needs an agent"},
		"errno":                {entry(specs.LinuxSyscall{Names: []string{"read"}, Action: specs.ActErrno, ErrnoRet: number(4096)}), "errno 4096 is over 4095"},
		"no name":              {entry(specs.LinuxSyscall{Action: specs.ActErrno}), "names no system call"},
		"unknown name":         {entry(specs.LinuxSyscall{Names: []string{"raed"}, Action: specs.ActErrno}), `unknown system call "raed"`},
		"index":                {args(specs.LinuxSeccompArg{Index: 6, Op: specs.OpEqualTo}), "index 6"},
		"operator":             {args(specs.LinuxSeccompArg{Op: "SCMP_CMP_ODD"}), "SCMP_CMP_ODD"},
		"too long":             {tooLong(), "the kernel takes 4096"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Compile(test.profile, "amd64")
			require.ErrorContains(t, err, test.want)
		})
	}
	_, err := Compile(&specs.LinuxSeccomp{DefaultAction: specs.ActAllow}, "vax")
	require.ErrorContains(t, err, "not supported on vax")
}

func tooLong() *specs.LinuxSeccomp {
	profile := &specs.LinuxSeccomp{DefaultAction: specs.ActAllow}
	for value := range uint64(1200) {
		profile.Syscalls = append(profile.Syscalls, specs.LinuxSyscall{
			Names: []string{"ioctl"}, Action: specs.ActErrno, Args: []specs.LinuxSeccompArg{{Index: 1, Value: value, Op: specs.OpEqualTo}},
		})
	}
	return profile
}

// TestUnknownName: what nobody can call need not be let in.
func TestUnknownName(t *testing.T) {
	profile := &specs.LinuxSeccomp{DefaultAction: specs.ActErrno, Syscalls: []specs.LinuxSyscall{
		{Names: []string{"s390_runtime_instr", "read"}, Action: specs.ActAllow},
	}}
	program, err := Compile(profile, "amd64")
	require.NoError(t, err)
	got, err := interpret(program, callData{number: 0, arch: tokenX86})
	require.NoError(t, err)
	require.EqualValues(t, retAllow, got)
}

// TestMultiplexed: a condition that cannot be checked never lets through, and
// never lets a stricter rule go by.
func TestMultiplexed(t *testing.T) {
	family := []specs.LinuxSeccompArg{{Index: 0, Value: 2, Op: specs.OpEqualTo}}
	for _, test := range []struct {
		fallback, action specs.LinuxSeccompAction
		want             uint32
	}{
		{specs.ActErrno, specs.ActAllow, retErrno | errnoEPERM},
		{specs.ActAllow, specs.ActErrno, retErrno | errnoEPERM},
		{specs.ActKillProcess, specs.ActErrno, retKillProcess},
	} {
		t.Run(fmt.Sprintf("%s in %s", test.action, test.fallback), func(t *testing.T) {
			program, err := Compile(&specs.LinuxSeccomp{
				DefaultAction: test.fallback, Architectures: []specs.Arch{specs.ArchX86},
				Syscalls: []specs.LinuxSyscall{{Names: []string{"socket"}, Action: test.action, Args: family}},
			}, "amd64")
			require.NoError(t, err)
			got, err := interpret(program, callData{number: socketcallNumber, arch: 0x40000003, args: [6]uint64{1}})
			require.NoError(t, err)
			require.Equal(t, test.want, got)
		})
	}
}

// TestAlwaysTrue: a mask without bits is no condition.
func TestAlwaysTrue(t *testing.T) {
	always := []specs.LinuxSeccompArg{{Index: 3, Value: 0, ValueTwo: 5, Op: specs.OpMaskedEqual}}
	program, err := Compile(&specs.LinuxSeccomp{DefaultAction: specs.ActErrno, Syscalls: []specs.LinuxSyscall{
		{Names: []string{"read"}, Action: specs.ActAllow, Args: always},
	}}, "amd64")
	require.NoError(t, err)
	got, err := interpret(program, callData{number: 0, arch: tokenX86})
	require.NoError(t, err)
	require.EqualValues(t, retAllow, got)
}

// FuzzCompile: any profile that is JSON gives a program that the kernel would
// take and that always comes to a return, or an error.
func FuzzCompile(f *testing.F) {
	f.Add([]byte(`{"defaultAction":"SCMP_ACT_ERRNO","architectures":["SCMP_ARCH_X86","SCMP_ARCH_X32"],"syscalls":[
		{"names":["read","socket"],"action":"SCMP_ACT_ALLOW","args":[{"index":1,"value":7,"valueTwo":3,"op":"SCMP_CMP_MASKED_EQ"}]}]}`), uint32(0), uint64(0))
	f.Add([]byte(`{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["clone"],"action":"SCMP_ACT_ERRNO","errnoRet":38}]}`), uint32(56), uint64(1))
	f.Fuzz(func(t *testing.T, text []byte, number uint32, argument uint64) {
		var profile specs.LinuxSeccomp
		if json.Unmarshal(text, &profile) != nil {
			return
		}
		for goarch, abis := range machines() {
			program, err := Compile(&profile, goarch)
			if err != nil {
				continue
			}
			require.LessOrEqual(t, len(program), MaxInstructions)
			requireAcceptable(t, program)
			for _, a := range abis {
				d := callData{number: number | a.bit, arch: a.token, args: [6]uint64{argument, argument, argument, argument, argument, argument}}
				_, err := interpret(program, d)
				require.NoError(t, err)
			}
		}
	})
}

// requireAcceptable is what the kernel asks of a filter: jumps stay inside
// and the last instruction returns.
func requireAcceptable(t *testing.T, program []Instruction) {
	for at, in := range program {
		switch in.Op {
		case opJeq, opJgt, opJge:
			require.Less(t, at+1+int(max(in.Jt, in.Jf)), len(program))
		case opJump:
			require.Less(t, at+1+int(in.K), len(program))
		}
	}
	require.EqualValues(t, opRet, program[len(program)-1].Op)
}
