//go:build vmtest && linux

package multitenantcgroups_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestVMInterrupted stops verify in the middle of a proof: politely, when it
// must clean up itself, and with SIGKILL, when the next remove must.
func TestVMInterrupted(t *testing.T) {
	v := newVM(t)
	before := tree(t)
	v.must("apply")
	applied := tree(t)

	cmd := v.startVerify()
	require.NoError(t, cmd.Process.Signal(os.Interrupt))
	require.Error(t, cmd.Wait())
	require.Equal(t, 3, cmd.ProcessState.ExitCode())
	require.Equal(t, applied, tree(t))

	cmd = v.startVerify()
	require.NoError(t, cmd.Process.Signal(syscall.SIGSTOP))
	code, _ := v.run("remove")
	require.Equal(t, 2, code, "one at a time")
	require.NoError(t, cmd.Process.Kill())
	require.Error(t, cmd.Wait())
	require.NotEqual(t, applied, tree(t), "SIGKILL leaves a cgroup behind")
	v.must("remove")
	require.Equal(t, before, tree(t))
	require.Eventually(t, func() bool { return len(leftovers(t)) == 0 }, 5*time.Second, 20*time.Millisecond, "workloads are left")
}

// startVerify starts verify and waits until a workload runs in a cgroup that
// it made.
func (v *vm) startVerify() *exec.Cmd {
	v.Helper()
	cmd := exec.Command(os.Getenv("VMTEST_BIN"), "verify", "-f", v.file)
	require.NoError(v, cmd.Start())
	require.Eventually(v, func() bool {
		for _, dir := range tree(v.T) {
			procs, err := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
			if strings.HasPrefix(filepath.Base(dir), "verify-") && err == nil && len(procs) > 0 {
				return true
			}
		}
		return false
	}, 20*time.Second, 5*time.Millisecond)
	return cmd
}

// leftovers lists live processes whose executable is the program under test.
func leftovers(t *testing.T) []string {
	t.Helper()
	target, err := filepath.EvalSymlinks(os.Getenv("VMTEST_BIN"))
	require.NoError(t, err)
	links, err := filepath.Glob("/proc/[0-9]*/exe")
	require.NoError(t, err)
	var left []string
	for _, link := range links {
		if exe, err := os.Readlink(link); err == nil && exe == target {
			left = append(left, link)
		}
	}
	return left
}
