package seccomp

import (
	"path/filepath"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"github.com/stretchr/testify/require"
)

// TestDiffers: the class of profiles that libseccomp 2.5.4 answers otherwise
// than their rules read, one example of each kind. Several rules of one call
// compare one argument, and not all of them by EQ or MASKED_EQ. libseccomp
// keeps the comparisons of all rules in one tree, sorted by argument, operator
// and value, and merges nodes that are equal at the one half it looks at; what
// belonged to the other rule there is gone.
func TestDiffers(t *testing.T) {
	const denied = retErrno | errnoEPERM
	for _, test := range []struct {
		name         string
		args         [6]uint64
		ours, theirs uint32
	}{
		{"upper-half", [6]uint64{2}, retAllow, denied},                 // 2 < 1<<32+2, says the second rule
		{"upper-half-lets-through", [6]uint64{2}, denied, retAllow},    // no rule lets it
		{"ordered", [6]uint64{2, 0}, retAllow, denied},                 // 2 >= 2, says the second rule
		{"ordered-lets-through", [6]uint64{0, 0, 4}, denied, retAllow}, // no rule lets it
		{"not-equal", [6]uint64{1, 3}, retAllow, denied},               // 1 == 1 and 3 > 1, says the second rule
	} {
		t.Run(test.name, func(t *testing.T) {
			r := readReference(t, filepath.Join("testdata/reference", "differs-"+test.name+".json"))
			program, err := Compile(r.Profile, "amd64")
			require.NoError(t, err)
			d := callData{number: 16, arch: tokenX86, args: test.args}
			got, err := interpret(program, d)
			require.NoError(t, err)
			require.Equal(t, test.ours, got)
			require.Equal(t, test.ours, plainReading(t, r.Profile, "ioctl", test.args), "that is how the rules read")
			got, err = interpret(r.program(), d)
			require.NoError(t, err)
			require.Equal(t, test.theirs, got, "libseccomp no longer differs: take it into TestReference")
			require.True(t, sharesArgument(r.Profile), "it is of another class")
		})
	}
}

// sharesArgument is the class.
func sharesArgument(profile *specs.LinuxSeccomp) bool {
	type place struct {
		name string
		arg  uint
	}
	rules, ordered := map[place]int{}, map[place]bool{}
	for _, entry := range profile.Syscalls {
		for _, name := range entry.Names {
			for _, arg := range entry.Args {
				at := place{name, arg.Index}
				rules[at]++
				ordered[at] = ordered[at] || arg.Op != specs.OpEqualTo && arg.Op != specs.OpMaskedEqual
			}
		}
	}
	for at, n := range rules {
		if n > 1 && ordered[at] {
			return true
		}
	}
	return false
}
