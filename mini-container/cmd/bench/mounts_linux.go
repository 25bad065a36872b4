package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"namespaces-cgroups-ebpf/internal/exitcode"
)

const (
	hierarchy = "/sys/fs/cgroup"
	// marker tells this program that it is in a mount namespace of its own.
	marker = "BENCH_OWN_MOUNTS"
)

// inOwnMounts starts this program again where only cgroup v2 is mounted, if
// that is not so here: Debian's crun does not start in a hybrid hierarchy.
// Nothing is left of it, not even after SIGKILL.
func inOwnMounts(ctx context.Context) (again bool, err error) {
	var st unix.Statfs_t
	if err := unix.Statfs(hierarchy, &st); err == nil && st.Type == unix.CGROUP2_SUPER_MAGIC {
		return false, nil
	}
	if os.Getenv(marker) != "" {
		err := unix.Mount("cgroup2", hierarchy, "cgroup2", 0, "")
		if err != nil {
			return true, exitcode.With(exitcode.Unsupported, fmt.Errorf("mount cgroup v2: %w", err))
		}
		return false, nil
	}
	runtime.LockOSThread() // the other dies with this thread
	defer runtime.UnlockOSThread()
	cmd := exec.CommandContext(ctx, "/proc/self/exe", os.Args[1:]...)
	cmd.Args[0] = os.Args[0]
	cmd.Env = append(os.Environ(), marker+"=1")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	// Unshareflags also cut the mounts off from the host's.
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: unix.CLONE_NEWNS, Pdeathsig: unix.SIGKILL}
	cmd.Cancel = func() error { return cmd.Process.Signal(unix.SIGTERM) }
	cmd.WaitDelay = time.Minute
	var failed *exec.ExitError
	if err = cmd.Run(); errors.As(err, &failed) {
		return true, exitcode.Quiet(failed.ExitCode())
	}
	return true, err
}
