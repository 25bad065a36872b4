package seccomp

import (
	"encoding/binary"
	"fmt"
	"runtime"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// Flags of SECCOMP_SET_MODE_FILTER, see seccomp(2).
const (
	flagLog       = 1 << 1
	flagSpecAllow = 1 << 2
)

// Filter is a compiled profile, made where there is time for errors and handed
// to the thread that is to install it.
type Filter struct {
	Program []byte  `json:"program"` // struct sock_filter, one after the other
	Flags   uintptr `json:"flags"`
}

// instructionSize is that of struct sock_filter, in bytes.
const instructionSize = 8

// NewFilter compiles a profile for this machine.
func NewFilter(profile *specs.LinuxSeccomp) (*Filter, error) {
	flags, err := filterFlags(profile.Flags)
	if err != nil {
		return nil, err
	}
	if program, found := precompiled(profile); found {
		return &Filter{Flags: flags, Program: program}, nil
	}
	program, err := Compile(profile, runtime.GOARCH)
	if err != nil {
		return nil, err
	}
	return &Filter{Flags: flags, Program: encode(program)}, nil
}

func encode(program []Instruction) []byte {
	out := make([]byte, 0, len(program)*instructionSize)
	for _, in := range program {
		out = binary.NativeEndian.AppendUint16(out, in.Op)
		out = append(out, in.Jt, in.Jf)
		out = binary.NativeEndian.AppendUint32(out, in.K)
	}
	return out
}

// filterFlags: the filter goes on the one thread that will exec, so there is
// nothing to synchronise, and nobody to wait for without a listener.
func filterFlags(names []specs.LinuxSeccompFlag) (uintptr, error) {
	var flags uintptr
	for _, name := range names {
		switch name {
		case specs.LinuxSeccompFlagLog:
			flags |= flagLog
		case specs.LinuxSeccompFlagSpecAllow:
			flags |= flagSpecAllow
		case "SECCOMP_FILTER_FLAG_TSYNC":
		default:
			return 0, fmt.Errorf("seccomp flag %q is not supported", name)
		}
	}
	return flags, nil
}
