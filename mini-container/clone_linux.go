package minicontainer

import (
	"errors"
	"fmt"
	"os"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"namespaces-cgroups-ebpf/internal/exitcode"
)

// cloneFlags are the flags of clone(2) by OCI namespace name. Time is not
// here: CLONE_NEWTIME freezes the offsets before anyone can set them, so
// another process has to go before.
var cloneFlags = map[specs.LinuxNamespaceType]uintptr{
	specs.CgroupNamespace:  unix.CLONE_NEWCGROUP,
	specs.IPCNamespace:     unix.CLONE_NEWIPC,
	specs.MountNamespace:   unix.CLONE_NEWNS,
	specs.NetworkNamespace: unix.CLONE_NEWNET,
	specs.PIDNamespace:     unix.CLONE_NEWPID,
	specs.UserNamespace:    unix.CLONE_NEWUSER,
	specs.UTSNamespace:     unix.CLONE_NEWUTS,
}

// cloneFlagsOf asks for all namespaces in one clone(2). A Go program cannot
// unshare(2) its way in: most namespaces belong to a thread, and Go moves
// goroutines between threads.
func cloneFlagsOf(spec *specs.Spec) (flags uintptr) {
	for _, ns := range spec.Linux.Namespaces {
		flags |= cloneFlags[ns.Type]
	}
	return flags
}

// timeOffsets is what timens_offsets is given, see time_namespaces(7); "" if
// the container keeps the host's clocks.
func timeOffsets(spec *specs.Spec) string {
	if !hasNamespace(spec, specs.TimeNamespace) {
		return ""
	}
	text := ""
	for _, clock := range []string{"monotonic", "boottime"} {
		offset := spec.Linux.TimeOffsets[clock]
		text += fmt.Sprintf("%s %d %d\n", clock, offset.Secs, offset.Nanosecs)
	}
	return text
}

// cloneError explains why there is no child. What clone(2) means by EPERM
// depends on who asks.
func cloneError(spec *specs.Spec, err error) error {
	userNS := hasNamespace(spec, specs.UserNamespace)
	var coded *exitcode.Error
	if errors.As(err, &coded) {
		return err
	}
	err = fmt.Errorf("clone into new namespaces: %w", err)
	switch {
	case errors.Is(err, unix.EPERM) && !userNS && os.Geteuid() != 0:
		return exitcode.With(exitcode.Usage, fmt.Errorf("%w (needs root; --user-ns does without)", err))
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		return exitcode.With(exitcode.Unsupported, fmt.Errorf("%w (not allowed here: look at kernel.unprivileged_userns_clone,"+
			" kernel.apparmor_restrict_unprivileged_userns, and the sandbox this runs in; into a named cgroup only who may write"+
			" the cgroup.procs of the nearest cgroup above both may bring a process)", err))
	case errors.Is(err, unix.ERANGE):
		return exitcode.With(exitcode.Usage, fmt.Errorf("%w (a clock would be before the start of the machine, or 146 years on)", err))
	case errors.Is(err, unix.ENOSPC):
		return exitcode.With(exitcode.Unsupported, fmt.Errorf("%w (a limit in /proc/sys/user/max_*_namespaces is reached)", err))
	case errors.Is(err, unix.EINVAL), errors.Is(err, unix.ENOSYS):
		return exitcode.With(exitcode.Unsupported, fmt.Errorf("%w (this kernel lacks one of the namespaces)", err))
	}
	return exitcode.With(exitcode.Harness, err)
}
