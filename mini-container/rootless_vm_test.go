//go:build vmtest && linux

package minicontainer_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

const student = 1000 // a user without any privilege

// delegate makes a cgroup as systemd would for a user's session: the user's
// own, with controllers, and a child of it in which the user's shell is.
func delegate(t *testing.T, path string) (shell *os.File) {
	t.Helper()
	require.NoError(t, os.WriteFile(hierarchy+"/cgroup.subtree_control", []byte("+memory +pids +cpu +cpuset"), 0))
	dir := filepath.Join(hierarchy, path)
	inner := filepath.Join(dir, "shell")
	require.NoError(t, os.MkdirAll(inner, 0o755))
	for _, d := range []string{dir, inner} {
		for _, file := range []string{".", "cgroup.procs", "cgroup.subtree_control", "cgroup.threads"} {
			require.NoError(t, os.Chown(filepath.Join(d, file), student, student))
		}
	}
	t.Cleanup(func() {
		for _, d := range []string{inner, dir} {
			eventually(t, "cgroup "+d+" stays", func() bool { return unix.Rmdir(d) == nil })
		}
	})
	f, err := os.Open(inner)
	require.NoError(t, err)
	t.Cleanup(func() { f.Close() })
	return f
}

func studentIn(cgroup *os.File) *syscall.SysProcAttr {
	who := &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: student, Gid: student}}
	if cgroup != nil {
		who.UseCgroupFD, who.CgroupFD = true, int(cgroup.Fd())
	}
	return who
}

// TestRootlessCgroup: a user whose cgroup was delegated gets limits that hold;
// one whose was not runs without, unless limits were asked for, and is told.
func TestRootlessCgroup(t *testing.T) {
	b := newBench(t, student)
	shell := delegate(t, "/delegated")
	report := b.base + "/rootless.json"

	t.Run("delegated", func(t *testing.T) {
		c := b.startAs(t, "bomb:60", studentIn(shell), "--user-ns", "--memory", "64M", "--pids", "20", "--cpus", "0.5", "--report", report)
		requireDoneBombing(t, c, 20)
		pid := c.find(t, b)
		path := cgroupOf(t, pid)
		require.Regexp(t, "^/delegated/mini-container/[0-9a-f]{12}$", path)
		for file, want := range map[string]string{"memory.max": strconv.Itoa(64 << 20), "pids.max": "20", "cpu.max": "50000 100000"} {
			require.Equal(t, want, cgroupFile(path, file), file)
		}
		require.Positive(t, keyed(filepath.Join(hierarchy, path, "pids.events"), "max"), "the limit was never met")
		require.Equal(t, 0, c.end(t))
		require.NoDirExists(t, hierarchy+"/delegated/mini-container")
		keep(t, report)
		r := readReport(t, report)
		require.Equal(t, path, r.Cgroup)
		require.Empty(t, r.CgroupReason)
	})
	t.Run("named", func(t *testing.T) {
		c := b.startAs(t, "wait", studentIn(shell), "--user-ns", "--cgroup-parent", "/delegated", "--pids", "30")
		c.line(t)
		require.Equal(t, "30", cgroupFile(cgroupOf(t, c.find(t, b)), "pids.max"))
		require.Equal(t, 0, c.end(t))
	})
	t.Run("another's", func(t *testing.T) {
		c := b.startAs(t, "exit:0", studentIn(nil), "--user-ns", "--cgroup-parent", "/delegated")
		require.Equal(t, 4, c.end(t), "a process may only be moved by who may write where it comes from")
		require.Contains(t, c.stderr.String(), "cgroup")
		require.NoDirExists(t, hierarchy+"/delegated/mini-container")
	})
	t.Run("not delegated", func(t *testing.T) {
		c := b.startAs(t, "wait", studentIn(nil), "--user-ns", "--report", report)
		c.line(t)
		require.Equal(t, cgroupOf(t, os.Getpid()), cgroupOf(t, c.find(t, b)))
		require.Equal(t, 0, c.end(t))
		r := readReport(t, report)
		require.Empty(t, r.Cgroup)
		require.Contains(t, r.CgroupReason, "delegated")
		c = b.startAs(t, "exit:0", studentIn(nil), "--user-ns", "--pids", "20")
		require.Equal(t, 4, c.end(t))
		require.Contains(t, c.stderr.String(), "delegated")
	})
}

// requireDoneBombing: fewer came to be than were asked for, none too many, and
// the container lives.
func requireDoneBombing(t *testing.T, c *contained, limit int) {
	t.Helper()
	forked := 0
	for line := ""; line != "done"; line = c.line(t) {
		if line == "forked" {
			forked++
		}
	}
	require.Positive(t, forked)
	require.Less(t, forked, limit)
}

// TestNoNewuidmap: on a machine without it, a map of more than one id is an
// error that names the program and its package.
func TestNoNewuidmap(t *testing.T) {
	_, err := exec.LookPath("newuidmap")
	require.Error(t, err, "this image has it: the test tests nothing")
	b := newBench(t, student)
	require.Equal(t, 0, b.start(t, "exit:0", "--user-ns").end(t))
	before := takeStock(t, b)
	c := b.start(t, "exit:0", "--user-ns", "--uid-map", "0:1000:1", "--uid-map", "1:100000:10", "--gid-map", "0:1000:1")
	require.Equal(t, 4, c.end(t))
	require.Contains(t, c.stderr.String(), "find newuidmap: not installed (package uidmap)")
	requireStock(t, b, before)
}

// TestSubordinateIDs: what /etc/subuid grants is mapped, and no more.
func TestSubordinateIDs(t *testing.T) {
	for _, file := range []string{"/etc/subuid", "/etc/subgid"} {
		was := readText(file)
		require.NoError(t, os.WriteFile(file, []byte(was+"1000:200000:5000\n"), 0o644))
		t.Cleanup(func() { require.NoError(t, os.WriteFile(file, []byte(was), 0o644)) })
	}
	addStudent(t)
	b := newBench(t, student)
	c := b.start(t, "wait", "--user-ns", "--subids")
	c.line(t)
	pid := c.find(t, b)
	for _, file := range []string{"uid_map", "gid_map"} {
		lines := readLines(fmt.Sprintf("/proc/%d/%s", pid, file))
		require.Len(t, lines, 2)
		require.Equal(t, []string{"0", "1000", "1"}, strings.Fields(lines[0]))
		require.Equal(t, []string{"1", "200000", "5000"}, strings.Fields(lines[1]))
	}
	require.Equal(t, 0, c.end(t))
	c = b.start(t, "exit:0", "--user-ns", "--uid-map", "0:1000:1", "--uid-map", "1:300000:10", "--gid-map", "0:1000:1")
	require.Equal(t, 2, c.end(t))
	require.Contains(t, c.stderr.String(), "run newuidmap")
}

func addStudent(t *testing.T) {
	t.Helper()
	out, err := exec.Command("useradd", "-u", strconv.Itoa(student), "student").CombinedOutput()
	require.NoError(t, err, string(out))
	t.Cleanup(func() { require.NoError(t, exec.Command("userdel", "student").Run()) })
}

// TestSystemdDelegation: below a unit with Delegate=, whose process systemd
// put into a cgroup of its own, limits work without root.
func TestSystemdDelegation(t *testing.T) {
	addStudent(t)
	b := newBench(t, student)
	report := b.base + "/systemd.json"
	cmd := exec.Command("systemd-run", "--quiet", "--wait", "--pipe", "--uid=1000", "--gid=1000", "-p", "Delegate=yes", "-p", "DelegateSubgroup=shell",
		executable(t), "run", "--rootfs", b.rootfs, "--user-ns", "--pids", "15", "--env", probeEnv+"=exit:6", "--report", report, "--", "probe")
	out, _ := cmd.CombinedOutput()
	require.Equal(t, 6, cmd.ProcessState.ExitCode(), string(out))
	require.Regexp(t, `^/system\.slice/run-[^/]*\.service/mini-container/[0-9a-f]{12}$`, readReport(t, report).Cgroup)

	cmd = exec.Command("systemd-run", "--quiet", "--wait", "--pipe", "--uid=1000", "--gid=1000",
		executable(t), "run", "--rootfs", b.rootfs, "--user-ns", "--env", probeEnv+"=exit:6", "--report", report, "--", "probe")
	out, _ = cmd.CombinedOutput()
	require.Equal(t, 6, cmd.ProcessState.ExitCode(), string(out))
	require.Contains(t, readReport(t, report).CgroupReason, "delegated")
}
