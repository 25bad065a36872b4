//go:build vmtest && linux

package minicontainer_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	minicontainer "namespaces-cgroups-ebpf/mini-container"
)

// Each test here attacks the runtime in the way that a CVE of another one
// became known for.

// held starts a container that stands still before a step and returns its
// first process.
func (b *bench) held(t *testing.T, step string, o order) (*contained, int) {
	t.Helper()
	o.Fault, o.Leaky = step+":hold", true
	c := b.order(t, "wait", o)
	require.Equal(t, "holding before "+step, c.line(t))
	below := descendants(c.cmd.Process.Pid)
	require.Len(t, below, 1)
	return c, below[0]
}

func (c *contained) kill(t *testing.T) {
	t.Helper()
	require.NoError(t, c.cmd.Process.Kill())
	c.cmd.Wait()
}

// TestCVE_2016_9962: a descriptor of the host that is open when the first
// process becomes visible inside leads out. Just before the exec there must be
// no directory on a mount of the host.
func TestCVE_2016_9962(t *testing.T) {
	b := newBench(t, 0)
	hostMounts := map[string]bool{}
	for _, line := range readLines("/proc/self/mountinfo") {
		hostMounts[strings.Fields(line)[0]] = true
	}
	c, pid := b.held(t, "observe", order{})
	dir := fmt.Sprintf("/proc/%d", pid)
	checked := 0
	for _, fd := range append(numeric(dir+"/fd"), "root", "cwd") {
		path := dir + "/fd/" + fd
		if _, err := strconv.Atoi(fd); err != nil {
			path = dir + "/" + fd
		}
		info, err := os.Stat(path)
		if err != nil || !info.IsDir() {
			continue
		}
		checked++
		open, err := os.Open(path)
		require.NoError(t, err)
		id := fdMount(t, int(open.Fd()))
		open.Close()
		require.False(t, hostMounts[id], "descriptor %s leads to a mount of the host", fd)
	}
	require.GreaterOrEqual(t, checked, 2)
	c.kill(t)
}

func fdMount(t *testing.T, fd int) string {
	for _, line := range readLines(fmt.Sprintf("/proc/self/fdinfo/%d", fd)) {
		if id, ok := strings.CutPrefix(line, "mnt_id:"); ok {
			return strings.TrimSpace(id)
		}
	}
	require.Fail(t, "no mnt_id")
	return ""
}

// TestCVE_2017_5226: TIOCSTI types into the terminal of the caller.
func TestCVE_2017_5226(t *testing.T) {
	b := newBench(t, 0)
	const legacy = "/proc/sys/dev/tty/legacy_tiocsti" // since Linux 6.2 it may be off for all
	if was, err := os.ReadFile(legacy); err == nil {
		require.NoError(t, os.WriteFile(legacy, []byte("1"), 0))
		t.Cleanup(func() { require.NoError(t, os.WriteFile(legacy, was, 0)) })
	}
	master, slave := openPTY(t)
	// The filter refuses it; without one, that the terminal is not this session's.
	for _, flags := range [][]string{nil, {"--seccomp", "none"}, {"--seccomp", "none", "--cap-add", "sys_admin", "--user-ns"}} {
		args := append([]string{"run", "--rootfs", b.rootfs, "--env", probeEnv + "=type"}, flags...)
		cmd := exec.Command(executable(t), append(args, "--", "probe")...)
		cmd.Stdin, cmd.Stdout = slave, nil
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 0}
		require.Error(t, cmd.Run(), "typing has worked")
		require.Equal(t, int(unix.EPERM), cmd.ProcessState.ExitCode(), "errno of TIOCSTI %v", flags)
		n, err := unix.IoctlGetInt(int(slave.Fd()), unix.TIOCINQ)
		require.NoError(t, err)
		require.Zero(t, n, "something was typed")
	}
	master.Close()
}

func openPTY(t *testing.T) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	require.NoError(t, err)
	require.NoError(t, unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0))
	number, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	require.NoError(t, err)
	slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	require.NoError(t, err)
	t.Cleanup(func() { master.Close(); slave.Close() })
	return master, slave
}

// TestCVE_2019_5736: /proc/PID/exe of the process that becomes the command,
// opened while it is still the runtime, and opened again to write when nothing
// runs the runtime any more.
func TestCVE_2019_5736(t *testing.T) {
	b := newBench(t, 0)
	for _, o := range []order{{}, {Options: minicontainer.Options{UserNS: true}}} {
		binary := b.ownRuntime(t)
		c := b.heldBinary(t, binary, o)
		exe, err := os.Open(fmt.Sprintf("/proc/%d/exe", descendants(c.cmd.Process.Pid)[0]))
		require.NoError(t, err)
		c.kill(t)
		again := fmt.Sprintf("/proc/self/fd/%d", exe.Fd())
		_, err = unix.Open(again, unix.O_WRONLY|unix.O_CLOEXEC, 0)
		require.ErrorIs(t, err, unix.EROFS)
		require.ErrorIs(t, unix.Truncate(again, 0), unix.EROFS)
		require.ErrorIs(t, unix.Chmod(again, 0o777), unix.EROFS)
		require.NoError(t, exe.Close())
		// The check can fail at all: by its path the file can be written.
		control, err := os.OpenFile(binary, os.O_WRONLY, 0)
		require.NoError(t, err)
		control.Close()
		require.NoError(t, os.Remove(binary))
	}
	// The direct way: a command that is the runtime, by link and by script.
	require.NoError(t, os.WriteFile(filepath.Join(b.rootfs, "bin/script"), []byte("#!/proc/self/exe\n"), 0o755))
	require.NoError(t, os.Symlink("/proc/self/exe", filepath.Join(b.rootfs, "bin/link")))
	before := readText(executable(t))
	for _, command := range []string{"/proc/self/exe", "/bin/link", "/bin/script"} {
		cmd := exec.Command(executable(t), "run", "--rootfs", b.rootfs, "--", command)
		require.Error(t, cmd.Run(), command)
	}
	require.True(t, before == readText(executable(t)), "the runtime has been changed")
}

// ownRuntime is a copy of the runtime where it can be written.
func (b *bench) ownRuntime(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(b.base, "runtime")
	text, err := os.ReadFile("/proc/self/exe")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(binary, text, 0o755))
	return binary
}

// heldBinary is held with an executable of its own.
func (b *bench) heldBinary(t *testing.T, binary string, o order) *contained {
	t.Helper()
	self := orderCommand
	orderCommand = binary
	defer func() { orderCommand = self }()
	c, _ := b.held(t, "observe", o)
	return c
}

// TestCVE_2019_16884: /proc is not procfs but something of the image's, so
// that labels and other writes land there. Also 2019-19921, 2023-27561,
// 2023-28642 (runc) and 2019-18837 (crun).
func TestCVE_2019_16884(t *testing.T) {
	b := newBench(t, 0)
	fake := filepath.Join(b.rootfs, "proc/self/attr")
	require.NoError(t, os.MkdirAll(fake, 0o755))
	require.NoError(t, os.WriteFile(fake+"/exec", nil, 0o644))
	require.Equal(t, 2, b.start(t, "exit:0", "--bind", fake+":/proc").end(t))
	require.Equal(t, 2, b.start(t, "exit:0", "--bind", fake+":/proc/self/attr").end(t))
	c := b.start(t, "wait")
	c.line(t)
	require.Contains(t, mountsOf(c.find(t, b))["/proc"], " - proc ")
	require.Equal(t, 0, c.end(t))

	// A link with an innocent name leads a bind mount there (2023-27561).
	volume := filepath.Join(b.base, "volume")
	require.NoError(t, os.MkdirAll(filepath.Join(volume, "self"), 0o755))
	for _, target := range []string{"/proc", "proc/sys", "/proc/self", "/proc/kcore"} {
		require.NoError(t, os.RemoveAll(filepath.Join(b.rootfs, "volume")))
		require.NoError(t, os.Symlink(target, filepath.Join(b.rootfs, "volume")))
		source := volume
		if target == "/proc/kcore" {
			source = b.secret
		}
		c := b.start(t, "exit:0", "--bind", source+":/volume")
		require.Equal(t, 2, c.end(t), target)
		require.Contains(t, c.stderr.String(), "link to /proc", target)
	}

	for _, target := range []string{"/tmp", "..", "self/../bin", "/proc"} {
		b.rootfs = filepath.Join(b.base, "rootfs")
		b.rootfs = b.linkedAnew(t, "proc", target)
		c := b.start(t, "exit:0")
		require.Equal(t, 2, c.end(t), target)
		require.Contains(t, c.stderr.String(), "symbolic link; refused")
	}
}

func (b *bench) linkedAnew(t *testing.T, name, target string) string {
	t.Helper()
	require.NoError(t, os.RemoveAll(filepath.Join(b.base, "linked-"+name)))
	return b.linked(t, name, target)
}

// TestCVE_2021_30465: a directory in the rootfs is swapped for a link to the
// host and back, for as long as a container with a mount on it starts. Also
// 2024-45310: no directory may come to be on the host.
func TestCVE_2021_30465(t *testing.T) {
	b := newBench(t, 0)
	host := filepath.Join(b.base, "host")
	require.NoError(t, os.Mkdir(host, 0o755))
	dir, link := filepath.Join(b.rootfs, "dir"), filepath.Join(b.rootfs, "link")
	require.NoError(t, os.Mkdir(dir, 0o755))
	require.NoError(t, os.Symlink(host, link))
	stop := make(chan struct{})
	var swapping sync.WaitGroup
	swapping.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				unix.Renameat2(unix.AT_FDCWD, dir, unix.AT_FDCWD, link, unix.RENAME_EXCHANGE)
			}
		}
	})
	mounted := 0
	for range 8 {
		c := b.start(t, "wait", "--bind", b.base+"/host:/dir/a/b")
		if line, err := c.stdout.ReadString('\n'); err == nil && line == "ready\n" {
			mounted++
			for target := range mountsOf(c.find(t, b)) {
				require.False(t, strings.HasPrefix(target, b.base), "a mount outside of the rootfs: %s", target)
			}
		}
		c.end(t)
	}
	close(stop)
	swapping.Wait()
	entries, err := os.ReadDir(host)
	require.NoError(t, err)
	require.Empty(t, entries, "something was created on the host")
	t.Log("mounted in", mounted, "of 8")
}

// TestCVE_2021_43784: a length of 16 bits overflowed and the rest of the
// configuration was the attacker's.
func TestCVE_2021_43784(t *testing.T) {
	b := newBench(t, 0)
	long := strings.Repeat(`{"spec":null}\n`, 100_000/15)
	flags := []string{"--env", "A=" + long, "--env", "B=" + long}
	c := b.start(t, "story:", flags...)
	s := c.story(t)
	require.Contains(t, s.Env, "A="+long)
	require.Contains(t, s.Env, "B="+long)
	v := look(t, c.find(t, b))
	requireNamespaces(t, v, s, "cgroup", "ipc", "mnt", "net", "pid", "uts")
	require.Equal(t, 0, c.end(t))
}
