package multitenantcgroups

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
)

// Errors that callers tell apart, mostly for the exit code.
var (
	// ErrBusy: another run holds the lock of the cgroup root.
	ErrBusy = errors.New("another multi-tenant-cgroups is at work; wait for it to end")
	// ErrNotCgroup2: the cgroup root is not on a cgroup2 file system.
	ErrNotCgroup2 = errors.New("not a cgroup2 file system: mount one, or boot with systemd.unified_cgroup_hierarchy=1")
	// ErrNoController: a controller that the policy needs is not there.
	ErrNoController = errors.New("controller not available")
	// ErrForeign: a cgroup of that name is there and we did not make it.
	ErrForeign = errors.New("there is a cgroup of that name that this program did not make: remove it or rename yours")
	// ErrNotApplied: the policy is not in force.
	ErrNotApplied = errors.New("policy is not applied: run apply first")
	// ErrNoTenant: the policy has no tenant of that name.
	ErrNoTenant = errors.New("no such tenant in the policy")
	// ErrOvercommit: the limits exceed the machine, and the policy says refuse.
	ErrOvercommit = errors.New("limits exceed the machine")
)

// explain adds to an errno of the kernel what to do about it. procs are the
// processes in the cgroup that was written, as cgroup.procs shows them.
func explain(err error, s Step, procs string) error {
	hint := ""
	switch {
	case errors.Is(err, syscall.EBUSY) && s.File == subtreeControl:
		hint = fmt.Sprintf("processes %s sit in this cgroup itself; a cgroup that passes controllers on may hold none: move them to a child cgroup",
			strings.Join(strings.Fields(procs), " "))
	case errors.Is(err, syscall.ENOENT):
		hint = "its controller is not enabled in the parent's cgroup.subtree_control"
	case errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EPERM), errors.Is(err, syscall.EROFS):
		hint = "run as root, or name a directory that was delegated to you with --cgroup-root"
	case errors.Is(err, syscall.EOPNOTSUPP):
		hint = "the cgroup above is threaded, or a controller is in use by cgroup v1"
	case errors.Is(err, syscall.EAGAIN):
		hint = "cgroup.max.descendants or cgroup.max.depth above is reached"
	case errors.Is(err, syscall.EINVAL) && s.File == subtreeControl:
		hint = "real-time processes outside the root cgroup keep the cpu controller from being enabled (CONFIG_RT_GROUP_SCHED)"
	}
	if hint == "" {
		return err
	}
	return fmt.Errorf("%w (%s)", err, hint)
}
