//go:build vmtest && linux

package multitenantcgroups_test

import (
	"bytes"
	"fmt"
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
	require.Equal(t, applied, tree(t), "verify said: %s", cmd.Stderr)

	cmd = v.stopVerify()
	code, _ := v.run("remove")
	require.Equal(t, 2, code, "one at a time")
	require.NoError(t, cmd.Process.Kill())
	require.Error(t, cmd.Wait())
	require.NotEqual(t, applied, tree(t), "SIGKILL leaves a cgroup behind")
	v.must("remove")
	require.Equal(t, before, tree(t))
	v.eventually(func() bool { return len(leftovers(t)) == 0 }, "workloads are left")
}

// startVerify starts verify and waits until a workload runs in a cgroup that
// it made.
func (v *vm) startVerify() *exec.Cmd {
	v.Helper()
	cmd := exec.Command(os.Getenv("VMTEST_BIN"), "verify", "-f", v.file, "--duration=1m")
	cmd.Stderr = new(bytes.Buffer)
	require.NoError(v, cmd.Start())
	v.eventually(v.atWork, "no workload runs")
	return cmd
}

// stopVerify starts verify and stops it while a workload runs. Between two
// workloads it would leave nothing behind, so it goes on until it is not.
func (v *vm) stopVerify() *exec.Cmd {
	v.Helper()
	cmd := v.startVerify()
	v.eventually(func() bool {
		require.NoError(v, cmd.Process.Signal(syscall.SIGSTOP))
		v.eventually(func() bool { return v.stopped(cmd) }, "verify does not stop")
		if v.atWork() {
			return true
		}
		require.NoError(v, cmd.Process.Signal(syscall.SIGCONT))
		return false
	}, "no workload runs while verify is stopped")
	return cmd
}

// eventually is require.Eventually for conditions that may end the test.
func (v *vm) eventually(condition func() bool, complaint string) {
	v.Helper()
	for end := time.Now().Add(20 * time.Second); !condition(); time.Sleep(5 * time.Millisecond) {
		require.True(v, time.Now().Before(end), complaint)
	}
}

// stopped reports whether the whole process stands still: signals take effect
// when each thread gets to run.
func (v *vm) stopped(cmd *exec.Cmd) bool {
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", cmd.Process.Pid))
	require.NoError(v, err)
	for _, task := range tasks {
		stat, err := os.ReadFile(task)
		if _, rest, ok := strings.Cut(string(stat), ") "); err != nil || !ok || !strings.HasPrefix(rest, "T") {
			return false
		}
	}
	return true
}

// atWork reports whether a workload runs in a cgroup that verify made.
func (v *vm) atWork() bool {
	for _, dir := range tree(v.T) {
		procs, err := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
		if strings.HasPrefix(filepath.Base(dir), "verify-") && err == nil && len(procs) > 0 {
			return true
		}
	}
	return false
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
