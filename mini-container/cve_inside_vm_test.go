//go:build vmtest && linux

package minicontainer_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// TestCVE_2022_0492: in a user namespace of its own a container mounts cgroup
// v1 and sets release_agent, which the host's root executes. Also 2023-25809:
// without a user namespace /sys/fs/cgroup was writable.
func TestCVE_2022_0492(t *testing.T) {
	for _, flags := range [][]string{nil, {"--user-ns"}} {
		b := newBench(t, 0)
		c := b.start(t, "cgroups", flags...)
		require.Equal(t, "mkdir EROFS, remount EPERM, v1 refused, release_agent none", c.line(t))
		require.Equal(t, 0, c.end(t))
	}
}

// cgroupAttack is what the probe does.
func cgroupAttack(string) string {
	const dir = "/sys/fs/cgroup"
	said := "mkdir " + errnoName(unix.Mkdir(dir+"/own", 0o755))
	said += ", remount " + errnoName(unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_BIND, ""))
	refused := "v1 mounted"
	if unix.Unshare(unix.CLONE_NEWNS|unix.CLONE_NEWCGROUP) != nil && unix.Mount("cgroup", "/dev/shm", "cgroup", 0, "rdma") != nil {
		refused = "v1 refused"
	}
	agents, _ := filepath.Glob(dir + "/release_agent")
	if len(agents) == 0 {
		return said + ", " + refused + ", release_agent none"
	}
	return said + ", " + refused + ", release_agent there"
}

func errnoName(err error) string {
	errno, _ := err.(unix.Errno)
	return unix.ErrnoName(errno)
}

// TestCVE_2022_29162: inheritable capabilities of the caller stayed. Also
// 2022-27650 (crun) and 2022-24769 (moby).
func TestCVE_2022_29162(t *testing.T) {
	b := newBench(t, 0)
	c := b.startAs(t, "story:", &syscall.SysProcAttr{AmbientCaps: []uintptr{unix.CAP_NET_RAW, unix.CAP_SYS_ADMIN, unix.CAP_KILL}})
	require.NotEqual(t, "0000000000000000", strings.Join(statusField(c.cmd.Process.Pid, "CapInh"), ""), "the attack is none")
	s := c.story(t)
	require.Equal(t, "0000000000000000", s.Status["CapInh"])
	require.Equal(t, "0000000000000000", s.Status["CapAmb"])
	require.Equal(t, 0, c.end(t))
}

// TestCVE_2024_21626: a working directory that is reached through a descriptor
// of the host, left open by the caller or by the runtime.
func TestCVE_2024_21626(t *testing.T) {
	b := newBench(t, 0)
	for fd := 3; fd <= 9; fd++ { // the bench leaves 3 to 8 open on "/"
		dir := fmt.Sprintf("/proc/self/fd/%d", fd)
		c := b.start(t, "exit:0", "--workdir", dir)
		require.Contains(t, []int{2, 128}, c.end(t), dir)
	}
	require.NoError(t, os.Symlink("/proc/self/fd/7", filepath.Join(b.rootfs, "work")))
	c := b.start(t, "exit:0", "--workdir", "/work")
	require.Contains(t, []int{2, 128}, c.end(t))
}

// TestCVE_2025_31133: a file is masked by whatever the image has at /dev/null.
func TestCVE_2025_31133(t *testing.T) {
	b := newBench(t, 0)
	dev := filepath.Join(b.rootfs, "dev")
	null := dev + "/null"
	for _, make := range []func() error{
		func() error { return os.Symlink("/proc/sys/kernel/core_pattern", null) },
		func() error { return os.WriteFile(null, nil, 0o666) },
		func() error { return unix.Mknod(null, unix.S_IFCHR|0o666, int(unix.Mkdev(1, 5))) },
	} {
		require.NoError(t, os.Mkdir(dev, 0o755))
		require.NoError(t, make())
		report, code := b.order(t, "exit:0", order{NoDev: true}).report(t)
		require.NotZero(t, code, "the image's /dev/null was used")
		require.Equal(t, "masked-paths", report.Error.Step)
		c := b.start(t, "devices:/proc/kcore,/proc/keys,/proc/timer_list") // with a /dev of our own
		for _, said := range strings.Fields(c.line(t)) {
			require.Contains(t, []string{"1:3", "none"}, said)
		}
		require.Equal(t, 0, c.end(t))
		require.NoError(t, os.RemoveAll(dev))
	}
}

// deviceNumbers is what the probe says of files.
func deviceNumbers(paths string) string {
	var said []string
	for _, path := range strings.Split(paths, ",") {
		var st unix.Stat_t
		number := "none"
		if unix.Stat(path, &st) == nil {
			number = fmt.Sprintf("%d:%d", unix.Major(st.Rdev), unix.Minor(st.Rdev))
		}
		said = append(said, number)
	}
	return strings.Join(said, " ")
}

// TestCVE_2026_41579: /dev of the image is a link, and devices are made where
// it leads. Also 2026-47766 (crun).
func TestCVE_2026_41579(t *testing.T) {
	b := newBench(t, 0)
	host := filepath.Join(b.base, "host")
	require.NoError(t, os.Mkdir(host, 0o755))
	for _, target := range []string{host, "../host", "/proc/self/cwd"} {
		b.rootfs = filepath.Join(b.base, "rootfs")
		b.rootfs = b.linkedAnew(t, "dev", target)
		for _, flags := range [][]string{nil, {"--user-ns"}, {"--read-only"}} {
			require.Equal(t, 2, b.start(t, "exit:0", flags...).end(t), target)
		}
	}
	entries, err := os.ReadDir(host)
	require.NoError(t, err)
	require.Empty(t, entries)
}
