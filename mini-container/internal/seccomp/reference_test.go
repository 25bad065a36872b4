package seccomp

import (
	"encoding/binary"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"github.com/stretchr/testify/require"
)

// reference is what libseccomp made of a profile, see testdata/generate.py.
type reference struct {
	Libseccomp string              `json:"libseccomp"`
	GOARCH     string              `json:"goarch"`
	Profile    *specs.LinuxSeccomp `json:"profile"`
	Filter     []byte              `json:"filter"`
}

func (r reference) program() []Instruction {
	var program []Instruction
	for raw := range slices.Chunk(r.Filter, 8) {
		program = append(program, Instruction{
			Op: binary.LittleEndian.Uint16(raw), Jt: raw[2], Jf: raw[3], K: binary.LittleEndian.Uint32(raw[4:]),
		})
	}
	return program
}

func TestReference(t *testing.T) {
	files, err := filepath.Glob("testdata/reference/*.json")
	require.NoError(t, err)
	require.Greater(t, len(files), 80)
	for _, file := range files {
		if strings.HasPrefix(filepath.Base(file), "differs-") {
			continue // see TestDiffers
		}
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			compare(t, readReference(t, file))
		})
	}
}

func readReference(t *testing.T, file string) reference {
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	var r reference
	require.NoError(t, json.Unmarshal(text, &r))
	return r
}

// compare asks both filters about every number of every architecture, with
// every value at which an answer can change.
func compare(t *testing.T, r reference) {
	ours, err := Compile(r.Profile, r.GOARCH)
	require.NoError(t, err)
	theirs := r.program()
	asked := 0
	for _, a := range allABIs() {
		for _, number := range interesting(a) {
			if behindPointer(r.Profile, a, number) {
				continue
			}
			for _, args := range argumentsFor(r.Profile, a, number) {
				d := callData{number: number, arch: a.token, args: args}
				want, err := interpret(theirs, d)
				require.NoError(t, err)
				if isNewer(r, a, number) {
					want = retErrno | errnoENOSYS
				}
				got, err := interpret(ours, d)
				require.NoError(t, err)
				if got != want {
					require.Equal(t, want, got, "%s call %#x %#x", a.name, number, args)
				}
				asked++
			}
		}
	}
	t.Logf("libseccomp %s: %d questions; %d instructions, theirs %d", r.Libseccomp, asked, len(ours), len(theirs))
}

func allABIs() []abi {
	unknown := abi{name: "unknown", token: 0x80000015, column: 0, wide: true}
	return append(slices.Concat(machines()["amd64"], machines()["arm64"]), unknown)
}

// interesting numbers: all that exist, those around the ends, and what looks
// like another ABI's.
func interesting(a abi) []uint32 {
	var list []uint32
	for number := range uint32(560) {
		list = append(list, number|a.bit)
	}
	return append(list, armPrivate, armPrivate+5, x32Bit-1, x32Bit, x32Bit+1, x32Bit+511, x32Bit+547, 0x7fffffff, 0x80000000, skipNumber-1, skipNumber)
}

// isNewer is the rule of the well-known runtimes: above every number of the
// profile, where the default is not to let through.
func isNewer(r reference, a abi, number uint32) bool {
	table, _ := parsedTable()
	fallback, _ := actionCode(r.Profile.DefaultAction, r.Profile.DefaultErrnoRet)
	abis, _ := selectABIs(r.Profile.Architectures, r.GOARCH)
	if number == skipNumber || permissive(fallback) || !slices.ContainsFunc(abis, func(b abi) bool { return b.token == a.token }) {
		return false
	}
	if a.token == 0xc000003e && number >= x32Bit {
		a = machines()["amd64"][2]
	} else if a.bit != 0 {
		a = machines()["amd64"][0]
	}
	if !slices.Contains(abis, a) {
		return false
	}
	last := int64(-1)
	for _, entry := range r.Profile.Syscalls {
		for _, name := range entry.Names {
			if row, known := table[name]; known && row[a.column] < armPrivate {
				last = max(last, int64(row[a.column]))
			}
		}
	}
	_, listed := numberListed(r.Profile, a, number)
	return last >= 0 && int64(number&^a.bit) > last && !listed
}

func numberListed(profile *specs.LinuxSeccomp, a abi, number uint32) (conditions [][]specs.LinuxSeccompArg, listed bool) {
	table, _ := parsedTable()
	for _, entry := range profile.Syscalls {
		for _, name := range entry.Names {
			row, known := table[name]
			if known && row[a.column] >= 0 && uint32(row[a.column])|a.bit == number {
				conditions, listed = append(conditions, entry.Args), true
			}
		}
	}
	return conditions, listed
}

// behindPointer: there we decide otherwise on purpose, see TestMultiplexed.
func behindPointer(profile *specs.LinuxSeccomp, a abi, number uint32) bool {
	if !a.muxed || (number != socketcallNumber && number != ipcNumber) {
		return false
	}
	return slices.ContainsFunc(profile.Syscalls, func(entry specs.LinuxSyscall) bool {
		return len(entry.Args) > 0 && slices.ContainsFunc(entry.Names, func(name string) bool { return socketcalls()[name]+ipcCalls()[name] > 0 })
	})
}

// argumentsFor varies each argument that a rule looks at, alone and with the
// others at values that make rules match.
func argumentsFor(profile *specs.LinuxSeccomp, a abi, number uint32) [][6]uint64 {
	lists := [][6]uint64{{}}
	if a.muxed && (number == socketcallNumber || number == ipcNumber) {
		for which := range uint64(30) {
			lists = append(lists, [6]uint64{which})
		}
	}
	conditions, _ := numberListed(profile, a, number)
	for _, args := range conditions {
		var matching [6]uint64
		for _, arg := range args {
			matching[arg.Index] = matchingValue(arg)
		}
		lists = append(lists, matching)
		for _, arg := range args {
			for _, value := range around(arg) {
				varied, alone := matching, [6]uint64{}
				varied[arg.Index], alone[arg.Index] = value, value
				lists = append(lists, varied, alone)
			}
		}
	}
	if !a.wide && a.bit == 0 {
		for i := range lists {
			for j := range lists[i] {
				lists[i][j] &= 0xffffffff // all that such a program can pass
			}
		}
	}
	return lists
}

func matchingValue(arg specs.LinuxSeccompArg) uint64 {
	switch arg.Op {
	case specs.OpNotEqual, specs.OpGreaterThan:
		return arg.Value + 1
	case specs.OpLessThan:
		return arg.Value - 1
	case specs.OpMaskedEqual:
		return arg.ValueTwo & arg.Value
	}
	return arg.Value
}

func around(arg specs.LinuxSeccompArg) []uint64 {
	const upper = 1 << 32
	var values []uint64
	for _, v := range []uint64{arg.Value, arg.ValueTwo, arg.Value & arg.ValueTwo, arg.ValueTwo&arg.Value | ^arg.Value} {
		values = append(values, v, v-1, v+1, v+upper, v-upper, v^upper, v&0xffffffff, v&^0xffffffff, ^v, v|0xffffffff, v|^uint64(0xffffffff))
	}
	return append(values, 0, 1, 0x7fffffff, 0x80000000, 0xffffffff, upper, 1<<63, ^uint64(0))
}
