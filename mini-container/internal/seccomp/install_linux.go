package seccomp

import (
	"fmt"
	"runtime"
	"unsafe"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// Filter is a compiled profile with its flags, ready for the kernel. Made
// early, so that nothing is left to fail or to allocate at the end.
type Filter struct {
	program []unix.SockFilter
	flags   uintptr
}

// NewFilter compiles a profile for this machine.
func NewFilter(profile *specs.LinuxSeccomp) (*Filter, error) {
	program, err := Compile(profile, runtime.GOARCH)
	if err != nil {
		return nil, err
	}
	flags, err := filterFlags(profile.Flags)
	if err != nil {
		return nil, err
	}
	f := &Filter{flags: flags}
	for _, in := range program {
		f.program = append(f.program, unix.SockFilter{Code: in.Op, Jt: in.Jt, Jf: in.Jf, K: in.K})
	}
	return f, nil
}

// filterFlags: the filter goes on the one thread that will exec, so there is
// nothing to synchronise, and nobody to wait for without a listener.
func filterFlags(names []specs.LinuxSeccompFlag) (uintptr, error) {
	var flags uintptr
	for _, name := range names {
		switch name {
		case specs.LinuxSeccompFlagLog:
			flags |= unix.SECCOMP_FILTER_FLAG_LOG
		case specs.LinuxSeccompFlagSpecAllow:
			flags |= unix.SECCOMP_FILTER_FLAG_SPEC_ALLOW
		case "SECCOMP_FILTER_FLAG_TSYNC":
		default:
			return 0, fmt.Errorf("seccomp flag %q is not supported", name)
		}
	}
	return flags, nil
}

// Install puts the filter on this thread, for good. The thread needs
// no_new_privs or CAP_SYS_ADMIN.
func (f *Filter) Install() error {
	program := unix.SockFprog{Len: uint16(len(f.program)), Filter: &f.program[0]}
	_, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, f.flags, uintptr(unsafe.Pointer(&program)))
	runtime.KeepAlive(f)
	if errno != 0 {
		return fmt.Errorf("install seccomp filter: %w", errno)
	}
	return nil
}
