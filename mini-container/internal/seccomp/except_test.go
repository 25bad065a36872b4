package seccomp

import (
	"math/rand/v2"
	"slices"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"github.com/stretchr/testify/require"
)

// TestExcept: what is put together again answers as its rules do one by one,
// whatever the upper half says.
func TestExcept(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 5))
	for _, test := range []struct {
		name   string
		values []uint32
	}{
		{"one", []uint32{0x5412}},
		{"two", []uint32{38, 40}},
		{"ends", []uint32{0, ^uint32(0)}},
		{"neighbours", []uint32{6, 7, 8, 9}},
		{"too many", []uint32{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := group{Names: []string{"ioctl"}, Except: &exception{Index: 1, Values: test.values}}
			profile := &specs.LinuxSeccomp{DefaultAction: specs.ActErrno, Syscalls: g.rules()}
			broken := *profile
			broken.Syscalls = append(broken.Syscalls[:7:7], broken.Syscalls[8:]...) // one rule less: more is excepted
			other := *profile
			other.Syscalls = slices.Clone(profile.Syscalls)
			other.Syscalls[0].Action = specs.ActLog // one rule says something else: it is none
			for _, p := range []*specs.LinuxSeccomp{profile, &broken, &other} {
				requirePlain(t, p, func() uint64 {
					near := uint64(test.values[rnd.IntN(len(test.values))])
					return []uint64{near, near ^ 1<<rnd.IntN(64), near | rnd.Uint64()<<32, rnd.Uint64()}[rnd.IntN(4)]
				})
			}
		})
	}
}

func requirePlain(t *testing.T, profile *specs.LinuxSeccomp, pick func() uint64) {
	program, err := Compile(profile, "amd64")
	require.NoError(t, err)
	for range 5000 {
		d := callData{number: 16, arch: tokenX86, args: [6]uint64{pick(), pick()}}
		got, err := interpret(program, d)
		require.NoError(t, err)
		require.Equal(t, plainReading(t, profile, "ioctl", d.args), got, "%#x", d.args)
	}
}

// TestExceptIsShort: two values of an argument take a load and two jumps.
func TestExceptIsShort(t *testing.T) {
	g := group{Names: []string{"ioctl"}, Except: &exception{Index: 1, Values: []uint32{1, 2}}}
	program, err := Compile(&specs.LinuxSeccomp{DefaultAction: specs.ActErrno, Syscalls: g.rules()}, "amd64")
	require.NoError(t, err)
	require.Less(t, len(program), 20)
}
