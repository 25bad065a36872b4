//go:build vmtest && linux

package minicontainer_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// TestPropagation mounts on either side and looks from the other. The rootfs
// lies on a shared mount, as everything does under systemd.
func TestPropagation(t *testing.T) {
	b := newBench(t, 0)
	before := readText("/proc/self/mountinfo")
	c := b.start(t, "wait")
	c.line(t)
	pid := c.find(t, b)
	require.Equal(t, before, readText("/proc/self/mountinfo"), "the container's set-up shows on the host")

	inNamespace(t, pid, "mnt", func() error {
		return unix.Mount("inside", "/dev/shm", "tmpfs", 0, "")
	})
	inside := fmt.Sprintf("/proc/%d/mountinfo", pid)
	require.Contains(t, readText(inside), " inside ", "the test's own mount is not there")
	require.Equal(t, before, readText("/proc/self/mountinfo"), "a mount made inside shows on the host")

	outside := filepath.Join(b.rootfs, "outside")
	require.NoError(t, os.Mkdir(outside, 0o755))
	require.NoError(t, unix.Mount("outside", outside, "tmpfs", 0, ""))
	shown := readText(inside)
	require.NoError(t, unix.Unmount(outside, 0))
	require.False(t, strings.Contains(shown, "/outside "), "a mount made on the host shows inside")
	require.Equal(t, 0, c.end(t))
}

// inNamespace runs f on a thread that has joined one namespace of a process
// and is thrown away afterwards.
func inNamespace(t *testing.T, pid int, kind string, f func() error) {
	t.Helper()
	result := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread dies with this function
		result <- func() error {
			fd, err := unix.Open(fmt.Sprintf("/proc/%d/ns/%s", pid, kind), unix.O_RDONLY|unix.O_CLOEXEC, 0)
			if err != nil {
				return err
			}
			defer unix.Close(fd)
			if err := unix.Unshare(unix.CLONE_FS); err != nil {
				return err // setns(mnt) refuses a thread that shares its root
			}
			if err := unix.Setns(fd, 0); err != nil {
				return err
			}
			return f()
		}()
	}()
	require.NoError(t, <-result, "enter the %s namespace of %d", kind, pid)
}
