package seccomp

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"
	"sync"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// x32Bit marks the calls of x32 programs, which run under the audit
// architecture of x86-64.
const x32Bit = 0x40000000

// armPrivate is where the numbers of ARM's own calls begin. They say nothing
// about which calls are new.
const armPrivate = 0xf0000

// abi is one way to enter the kernel.
type abi struct {
	name   specs.Arch
	token  uint32 // AUDIT_ARCH_*, see seccomp_data in seccomp(2)
	column int    // in syscalls.tsv
	bit    uint32 // set in every number
	wide   bool   // arguments have an upper half that counts
	muxed  bool   // has socketcall and ipc
}

// machine is the ABIs that one kind of machine offers; the first is native
// and always part of a filter.
var machines = sync.OnceValue(func() map[string][]abi {
	return map[string][]abi{
		"amd64": {
			{name: specs.ArchX86_64, token: 0xc000003e, column: 0, wide: true},
			{name: specs.ArchX86, token: 0x40000003, column: 1, muxed: true},
			{name: specs.ArchX32, token: 0xc000003e, column: 2, bit: x32Bit},
		},
		"arm64": {
			{name: specs.ArchAARCH64, token: 0xc00000b7, column: 3, wide: true},
			{name: specs.ArchARM, token: 0x40000028, column: 4},
		},
	}
})

// otherMachines are the architectures of OCI that none of ours can run. A
// profile may name them; they change nothing.
var otherMachines = []specs.Arch{
	specs.ArchMIPS, specs.ArchMIPS64, specs.ArchMIPS64N32, specs.ArchMIPSEL, specs.ArchMIPSEL64, specs.ArchMIPSEL64N32,
	specs.ArchPPC, specs.ArchPPC64, specs.ArchPPC64LE, specs.ArchS390, specs.ArchS390X, specs.ArchPARISC,
	specs.ArchPARISC64, specs.ArchRISCV64, specs.ArchLOONGARCH64, specs.ArchM68K, specs.ArchSH, specs.ArchSHEB,
}

// selectABIs returns those of this machine that the profile lets in.
func selectABIs(listed []specs.Arch, goarch string) ([]abi, error) {
	offered, ok := machines()[goarch]
	if !ok {
		return nil, fmt.Errorf("seccomp is not supported on %s", goarch)
	}
	wanted := map[specs.Arch]bool{}
	for _, name := range listed {
		if !knownArch(name) {
			return nil, fmt.Errorf("unknown seccomp architecture %q", name)
		}
		wanted[name] = true
	}
	selected := offered[:1:1]
	for _, a := range offered[1:] {
		if wanted[a.name] {
			selected = append(selected, a)
		}
	}
	return selected, nil
}

func knownArch(name specs.Arch) bool {
	for _, offered := range machines() {
		for _, a := range offered {
			if a.name == name {
				return true
			}
		}
	}
	for _, other := range otherMachines {
		if other == name {
			return true
		}
	}
	return false
}

//go:embed syscalls.tsv
var syscallTable string

// numbers is the number of a call by column of syscalls.tsv, -1 for none.
type numbers [5]int32

var parsedTable = sync.OnceValues(func() (map[string]numbers, error) { return parseTable(syscallTable) })

func parseTable(text string) (map[string]numbers, error) {
	table := make(map[string]numbers, 512)
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(line, "#") {
			continue
		}
		name, rest, _ := strings.Cut(line, "\t")
		var row numbers
		for i := range row {
			var cell string
			cell, rest, _ = strings.Cut(rest, "\t")
			row[i] = -1
			if cell == "-" {
				continue
			}
			number, err := strconv.ParseInt(cell, 10, 32)
			if err != nil {
				return nil, fmt.Errorf("parse system call table: line %q: %w", line, err)
			}
			row[i] = int32(number)
		}
		table[name] = row
	}
	return table, nil
}

// The calls behind socketcall(2) and ipc(2), by the first argument.
var (
	socketcalls = sync.OnceValue(func() map[string]uint64 {
		return map[string]uint64{
			"socket": 1, "bind": 2, "connect": 3, "listen": 4, "accept": 5, "getsockname": 6, "getpeername": 7,
			"socketpair": 8, "send": 9, "recv": 10, "sendto": 11, "recvfrom": 12, "shutdown": 13, "setsockopt": 14,
			"getsockopt": 15, "sendmsg": 16, "recvmsg": 17, "accept4": 18, "recvmmsg": 19, "sendmmsg": 20,
		}
	})
	ipcCalls = sync.OnceValue(func() map[string]uint64 {
		return map[string]uint64{
			"semop": 1, "semget": 2, "semctl": 3, "semtimedop": 4, "msgsnd": 11, "msgrcv": 12, "msgget": 13,
			"msgctl": 14, "shmat": 21, "shmdt": 22, "shmget": 23, "shmctl": 24,
		}
	})
)

// Numbers of the two on 32-bit x86.
const (
	socketcallNumber = 102
	ipcNumber        = 117
)
