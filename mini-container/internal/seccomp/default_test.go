package seccomp

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the profiles that testdata/generate.py is run on")

const tokenX86 = 0xc000003e

// decide compiles the default profile and asks it on x86-64.
func decide(t *testing.T, capabilities []string, number uint32, args ...uint64) uint32 {
	t.Helper()
	profile := Default(capabilities)
	program, err := Compile(profile, "amd64")
	require.NoError(t, err)
	d := callData{number: number, arch: tokenX86}
	copy(d.args[:], args)
	action, err := interpret(program, d)
	require.NoError(t, err)
	return action
}

func TestDefault(t *testing.T) {
	const (
		denied = retErrno | errnoEPERM
		newer  = retErrno | errnoENOSYS
	)
	admin := []string{"CAP_SYS_ADMIN"}
	for _, test := range []struct {
		name   string
		caps   []string
		number uint32
		args   []uint64
		want   uint32
	}{
		{name: "read", number: 0, want: retAllow},
		{name: "mount", number: 165, want: denied},
		{name: "mount with the capability", caps: admin, number: 165, want: retAllow},
		{name: "io_uring_setup", number: 425, want: denied},
		{name: "keyctl", number: 250, want: denied},
		{name: "bpf", number: 321, want: denied},
		{name: "userfaultfd", number: 323, want: denied},
		{name: "call of the future", number: 999, want: newer},
		{name: "clone of a thread", number: 56, args: []uint64{0x3d0f00}, want: retAllow},
		{name: "clone into a user namespace", number: 56, args: []uint64{0x10000011}, want: denied},
		{name: "the same as administrator", caps: admin, number: 56, args: []uint64{0x10000011}, want: retAllow},
		{name: "clone3", number: 435, want: newer},
		{name: "clone3 as administrator", caps: admin, number: 435, want: retAllow},
		{name: "TIOCSTI", number: 16, args: []uint64{0, 0x5412}, want: denied},
		{name: "TIOCSTI with upper bits (CVE-2019-10063)", number: 16, args: []uint64{0, 1<<32 | 0x5412}, want: denied},
		{name: "TIOCLINUX", number: 16, args: []uint64{0, 0x541c}, want: denied},
		{name: "TCGETS", number: 16, args: []uint64{0, 0x5401}, want: retAllow},
		{name: "TIOCGPTN, sign-extended", number: 16, args: []uint64{0, 0xffffffff80045430}, want: retAllow},
		{name: "AF_INET", number: 41, args: []uint64{2}, want: retAllow},
		{name: "AF_ALG", number: 41, args: []uint64{38}, want: denied},
		{name: "AF_VSOCK", number: 41, args: []uint64{40}, want: denied},
		{name: "AF_VSOCK with upper bits", number: 41, args: []uint64{1<<40 | 40}, want: denied},
		{name: "personality ADDR_NO_RANDOMIZE", number: 135, args: []uint64{0x40000}, want: denied},
		{name: "personality query", number: 135, args: []uint64{0xffffffff}, want: retAllow},
	} {
		t.Run(test.name, func(t *testing.T) {
			require.Equal(t, test.want, decide(t, test.caps, test.number, test.args...))
		})
	}
}

// TestDefaultNames: a name that no table has would be left out in silence.
func TestDefaultNames(t *testing.T) {
	profile := Default(nil)
	table, err := parsedTable()
	require.NoError(t, err)
	for _, entry := range profile.Syscalls {
		for _, name := range entry.Names {
			_, known := table[name]
			require.True(t, known, name)
		}
	}
}

// TestDefaultMultiplexed: what may hide behind socketcall is not let through
// without a look at the family.
func TestDefaultMultiplexed(t *testing.T) {
	profile := Default(nil)
	program, err := Compile(profile, "amd64")
	require.NoError(t, err)
	for which, want := range map[uint64]uint32{1: retErrno | errnoEPERM, 3: retAllow} {
		got, err := interpret(program, callData{number: socketcallNumber, arch: 0x40000003, args: [6]uint64{which}})
		require.NoError(t, err)
		require.Equal(t, want, got, "socketcall %d", which)
	}
}

// TestReferenceIsOfToday: what was recorded of libseccomp is about the default
// profile as it is now. With -update its input is written, for
// testdata/generate.py to be run on.
func TestReferenceIsOfToday(t *testing.T) {
	for name, caps := range map[string][]string{"default": nil, "default-admin": {"CAP_SYS_ADMIN", "CAP_BPF"}} {
		profile := Default(caps)
		olderCalls(t, profile)
		profile.Architectures = []specs.Arch{specs.ArchX86_64, specs.ArchX86, specs.ArchX32}
		text, err := json.Marshal(profile)
		require.NoError(t, err)
		if *update {
			require.NoError(t, os.WriteFile(filepath.Join("testdata", name+".json"), text, 0o644))
		}
		recorded, err := json.Marshal(readReference(t, filepath.Join("testdata/reference", name+".json")).Profile)
		require.NoError(t, err)
		require.JSONEq(t, string(text), string(recorded), "run testdata/generate.py")
	}
}

// olderCalls leaves out what libseccomp 2.5.4 has not heard of.
func olderCalls(t *testing.T, profile *specs.LinuxSeccomp) {
	table, err := parsedTable()
	require.NoError(t, err)
	for i := range profile.Syscalls {
		profile.Syscalls[i].Names = slices.DeleteFunc(slices.Clone(profile.Syscalls[i].Names), func(name string) bool {
			return table[name][0] > 449 && table[name][0] < 512
		})
	}
	profile.Syscalls = slices.DeleteFunc(profile.Syscalls, func(entry specs.LinuxSyscall) bool { return len(entry.Names) == 0 })
}
