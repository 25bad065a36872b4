//go:build vmtest && linux

package minicontainer_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// limitOf has a flag that needs each of the controllers.
var limitOf = map[string][]string{"memory": {"--memory", "64M"}, "cpu": {"--cpus", "0.5"}}

// TestControllerNotShared: a cgroup above has not handed a controller down.
func TestControllerNotShared(t *testing.T) {
	root := readText(hierarchy + "/cgroup.subtree_control")
	require.NoError(t, os.WriteFile(hierarchy+"/cgroup.subtree_control", []byte("-memory -cpu +pids"), 0))
	t.Cleanup(func() {
		for _, name := range strings.Fields(root) {
			require.NoError(t, os.WriteFile(hierarchy+"/cgroup.subtree_control", []byte("+"+name), 0))
		}
	})
	poor := filepath.Join(hierarchy, "poor")
	require.NoError(t, os.MkdirAll(poor, 0o755))
	t.Cleanup(func() { eventually(t, "cgroup /poor stays", func() bool { return unix.Rmdir(poor) == nil }) })
	for _, file := range []string{".", "cgroup.procs", "cgroup.subtree_control"} {
		require.NoError(t, os.Chown(filepath.Join(poor, file), student, student))
	}
	dir, err := os.Open(poor)
	require.NoError(t, err)
	defer dir.Close()

	for name, flags := range limitOf {
		t.Run("delegated without "+name, func(t *testing.T) {
			b := newBench(t, student)
			c := b.start(t, "exit:0", append(flags, "--user-ns", "--cgroup-parent", "/poor")...)
			require.Equal(t, 4, c.end(t))
			require.Contains(t, c.stderr.String(), "enable cgroup controller "+name+": ")
			require.Contains(t, c.stderr.String(), "/cgroup.subtree_control: permission denied: cgroup / is not delegated to this user")
			require.Equal(t, []string{poor}, directoriesBelow(t, poor))
		})
		t.Run("root of a cgroup namespace without "+name, func(t *testing.T) {
			b := newBench(t, 0)
			cmd := b.prepare(t, "exit:0", flags...)
			cmd.Args = append([]string{"sh", "-c", `mount -t cgroup2 none /sys/fs/cgroup && exec "$@"`, "sh"}, cmd.Args...)
			cmd.Path = "/bin/sh"
			cmd.SysProcAttr = &syscall.SysProcAttr{
				Unshareflags: unix.CLONE_NEWNS, Cloneflags: unix.CLONE_NEWCGROUP, UseCgroupFD: true, CgroupFD: int(dir.Fd()),
			}
			c := (&contained{cmd: cmd}).begin(t)
			require.Equal(t, 4, c.end(t), "stderr: %s", &c.stderr)
			require.Contains(t, c.stderr.String(), "enable cgroup controller "+name+": cgroup / has [")
			require.Contains(t, c.stderr.String(), "] in cgroup.controllers and not "+name+": the cgroup above it does not share it")
			require.Equal(t, []string{poor}, directoriesBelow(t, poor))
		})
	}
	t.Run("nothing asked for", func(t *testing.T) {
		b := newBench(t, student)
		c := b.start(t, "exit:3", "--user-ns")
		require.Equal(t, 3, c.end(t), "who asks for no limit runs without a cgroup")
	})
}

// TestControllerBusy: a cgroup that has processes cannot hand the controller of
// memory down (EBUSY). That of processors it could, and then its children are
// good for threads alone: we do not.
func TestControllerBusy(t *testing.T) {
	b := newBench(t, 0)
	pid := holder(t, "/busy")
	busy := filepath.Join(hierarchy, "busy")
	for name, flags := range limitOf {
		t.Run(name, func(t *testing.T) {
			c := b.start(t, "exit:0", append(flags, "--cgroup", "/busy/x")...)
			require.Equal(t, 4, c.end(t), "stderr: %s", &c.stderr)
			require.Contains(t, c.stderr.String(), fmt.Sprintf("enable cgroup controller %s: change %s/cgroup.subtree_control: "+
				"device or resource busy: cgroup /busy holds processes [%d]", name, busy, pid))
			require.Equal(t, []string{busy}, directoriesBelow(t, busy))
			require.Equal(t, "/busy", cgroupOf(t, pid))
			require.Empty(t, cgroupFile("/busy", "cgroup.subtree_control"), "a controller stays enabled")
		})
	}
	t.Run("nothing asked for", func(t *testing.T) {
		c := b.start(t, "exit:3", "--cgroup", "/busy/x")
		require.Equal(t, 3, c.end(t), "stderr: %s", &c.stderr)
		require.Equal(t, []string{busy}, directoriesBelow(t, busy))
		require.Empty(t, cgroupFile("/busy", "cgroup.subtree_control"), "a controller stays enabled")
	})
}

func directoriesBelow(t *testing.T, dir string) []string {
	t.Helper()
	var all []string
	require.NoError(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			all = append(all, path)
		}
		return err
	}))
	return all
}

// TestIOLimitHolds: what is written to a real disk at a limited rate takes as
// long as that says, at least, and is counted.
func TestIOLimitHolds(t *testing.T) {
	b := newBench(t, 0)
	disk := strings.TrimSpace(readText("/sys/class/block/vdd/dev"))
	require.NotEmpty(t, disk)
	const rate, seconds = 1 << 20, 3
	id := b.word()
	c := b.start(t, "write-disk:"+strconv.Itoa(rate*seconds), "--id", id, "--io-max", disk+" wbps="+strconv.Itoa(rate),
		"--device-rule", "b "+disk+" rw", "--bind", "/dev/vdd:/disk:dev")
	began := time.Now()
	require.Equal(t, "written", c.line(t))
	require.Greater(t, time.Since(began), (seconds-1)*time.Second, "the first second may be had in advance")
	require.Contains(t, cgroupFile("/mini-container/"+id, "io.stat"), disk+" rbytes=0 wbytes="+strconv.Itoa(rate*seconds)+" ")
	require.Equal(t, 0, c.end(t))
}

// writeDisk writes so many bytes past the page cache.
func writeDisk(size string) string {
	fd, err := unix.Open("/disk", unix.O_WRONLY|unix.O_DIRECT|unix.O_CLOEXEC, 0)
	if err != nil {
		return err.Error()
	}
	defer unix.Close(fd)
	const block = 64 << 10
	page, err := unix.Mmap(-1, 0, block, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS) // aligned
	if err != nil {
		return err.Error()
	}
	for left, _ := strconv.Atoi(size); left > 0; left -= block {
		if _, err := unix.Write(fd, page); err != nil {
			return err.Error()
		}
	}
	return "written"
}
