package minicontainer

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"namespaces-cgroups-ebpf/internal/exitcode"
)

// cloneFlags are the flags of clone(2) by OCI namespace name. Time is not
// here: CLONE_NEWTIME freezes the offsets before anyone can set them.
var cloneFlags = map[specs.LinuxNamespaceType]uintptr{
	specs.CgroupNamespace:  unix.CLONE_NEWCGROUP,
	specs.IPCNamespace:     unix.CLONE_NEWIPC,
	specs.MountNamespace:   unix.CLONE_NEWNS,
	specs.NetworkNamespace: unix.CLONE_NEWNET,
	specs.PIDNamespace:     unix.CLONE_NEWPID,
	specs.UserNamespace:    unix.CLONE_NEWUSER,
	specs.UTSNamespace:     unix.CLONE_NEWUTS,
}

// cloneAttributes asks for all namespaces in one clone(2). A Go program cannot
// unshare(2) its way in: most namespaces belong to a thread, and Go moves
// goroutines between threads.
func cloneAttributes(spec *specs.Spec) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{
		// A session of its own keeps the command away from the caller's
		// terminal: no TIOCSTI into it (CVE-2017-5226).
		Setsid:    true,
		Pdeathsig: syscall.SIGKILL,
	}
	for _, ns := range spec.Linux.Namespaces {
		attr.Cloneflags |= cloneFlags[ns.Type]
	}
	attr.UidMappings = idMaps(spec.Linux.UIDMappings)
	attr.GidMappings = idMaps(spec.Linux.GIDMappings)
	return attr
}

func idMaps(mappings []specs.LinuxIDMapping) []syscall.SysProcIDMap {
	var maps []syscall.SysProcIDMap
	for _, m := range mappings {
		maps = append(maps, syscall.SysProcIDMap{ContainerID: int(m.ContainerID), HostID: int(m.HostID), Size: int(m.Size)})
	}
	return maps
}

// cloneError explains why there is no child. What clone(2) means by EPERM
// depends on who asks.
func cloneError(spec *specs.Spec, err error) error {
	userNS := hasNamespace(spec, specs.UserNamespace)
	err = fmt.Errorf("clone into new namespaces: %w", err)
	switch {
	case errors.Is(err, unix.EPERM) && !userNS && os.Geteuid() != 0:
		return exitcode.With(exitcode.Usage, fmt.Errorf("%w (needs root; --user-ns does without)", err))
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		return exitcode.With(exitcode.Unsupported, fmt.Errorf("%w (not allowed here: look at kernel.unprivileged_userns_clone,"+
			" kernel.apparmor_restrict_unprivileged_userns, and the sandbox this runs in)", err))
	case errors.Is(err, unix.ENOSPC):
		return exitcode.With(exitcode.Unsupported, fmt.Errorf("%w (a limit in /proc/sys/user/max_*_namespaces is reached)", err))
	case errors.Is(err, unix.EINVAL), errors.Is(err, unix.ENOSYS):
		return exitcode.With(exitcode.Unsupported, fmt.Errorf("%w (this kernel lacks one of the namespaces)", err))
	}
	return exitcode.With(exitcode.Harness, err)
}
