//go:build vmtest && linux

package minicontainer_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// mountsOf reads the mounts of a process by mount point: the fields of
// mountinfo up to the separator, and the file system.
func mountsOf(pid int) map[string]string {
	mounts := map[string]string{}
	for _, line := range readLines(fmt.Sprintf("/proc/%d/mountinfo", pid)) {
		mounts[strings.Fields(line)[4]] = line
	}
	return mounts
}

// atLeast reports whether the running kernel is that new.
func atLeast(t *testing.T, major, minor int) bool {
	t.Helper()
	var uts unix.Utsname
	require.NoError(t, unix.Uname(&uts))
	var haveMajor, haveMinor int
	_, err := fmt.Sscanf(unix.ByteSliceToString(uts.Release[:]), "%d.%d", &haveMajor, &haveMinor)
	require.NoError(t, err)
	return haveMajor > major || haveMajor == major && haveMinor >= minor
}

// TestBindMounts looks at each option through mountinfo, and tries it.
func TestBindMounts(t *testing.T) {
	b := newBench(t, 0)
	source := filepath.Join(b.base, "source")
	require.NoError(t, os.MkdirAll(filepath.Join(source, "below"), 0o755))
	require.NoError(t, unix.Mount("below", filepath.Join(source, "below"), "tmpfs", 0, ""))
	t.Cleanup(func() { require.NoError(t, unix.Unmount(filepath.Join(source, "below"), 0)) })
	require.NoError(t, os.WriteFile(filepath.Join(source, "file"), []byte("from outside"), 0o644))
	// A link in the image is followed, but not out of it.
	require.NoError(t, os.MkdirAll(filepath.Join(b.rootfs, "run"), 0o755))
	require.NoError(t, os.Symlink("/run", filepath.Join(b.rootfs, "link")))

	c := b.start(t, "wait",
		"--bind", source+":/rw", "--bind", source+":/link/ro:ro,nosuid,noexec",
		"--bind", source+"/file:/etc/file:ro", "--bind", source+":/follows:rslave", "--bind", source+":/private",
		"--bind", source+":/dev-too:dev")
	c.line(t)
	pid := c.find(t, b)
	m := mountsOf(pid)
	require.Contains(t, m["/rw"], " rw,nodev")
	require.Contains(t, m["/run/ro"], " ro,nosuid,nodev,noexec")
	require.Contains(t, m["/rw/below"], " - tmpfs below ")
	if atLeast(t, 5, 12) { // before, only the filter of the cgroup keeps devices below from being opened
		require.Contains(t, m["/rw/below"], " rw,nodev")
	}
	require.NotContains(t, m["/dev-too/below"], "nodev")
	require.Contains(t, m["/follows"], " master:")
	for _, private := range []string{"/", "/rw", "/private", "/proc"} {
		require.NotContains(t, m[private], " master:", private)
		require.NotContains(t, m[private], " shared:", private)
	}
	root := fmt.Sprintf("/proc/%d/root", pid)
	require.Equal(t, "from outside", readText(root+"/etc/file"))
	require.ErrorIs(t, os.WriteFile(root+"/etc/file", nil, 0), unix.EROFS)
	require.NoError(t, os.WriteFile(root+"/rw/new", []byte("from inside"), 0o644))
	require.Equal(t, "from inside", readText(source+"/new"))

	late := filepath.Join(source, "late")
	require.NoError(t, os.Mkdir(late, 0o755))
	require.NoError(t, unix.Mount("late", late, "tmpfs", 0, ""))
	m = mountsOf(pid)
	require.NoError(t, unix.Unmount(late, 0))
	require.Contains(t, m, "/follows/late", "a mount of the host does not show where it should")
	require.NotContains(t, m, "/private/late")
	require.NotContains(t, m, "/rw/late")
	require.Equal(t, 0, c.end(t))
}

// TestRootFileSystems: what becomes of a file that the command writes to "/".
func TestRootFileSystems(t *testing.T) {
	for _, uid := range []uint32{0, 1000} {
		for flag, want := range map[string]string{"": "", "--read-only": "EROFS", "--overlay": ""} {
			t.Run(fmt.Sprintf("uid %d %s", uid, flag), func(t *testing.T) { testRootFileSystem(t, uid, flag, want) })
		}
	}
}

func testRootFileSystem(t *testing.T, uid uint32, flag, want string) {
	b := newBench(t, uid)
	var flags []string
	if flag != "" {
		flags = append(flags, flag)
	}
	if uid != 0 {
		flags = append(flags, "--user-ns")
	}
	c := b.start(t, "write:/new", flags...)
	if flag == "--overlay" && uid != 0 && !atLeast(t, 5, 11) {
		require.Equal(t, 4, c.end(t), &c.stderr)
		require.Contains(t, c.stderr.String(), "Linux 5.11")
		return
	}
	require.Equal(t, want, c.line(t))
	below := descendants(c.cmd.Process.Pid) // seen through an overlay its file is another
	require.Len(t, below, 1)
	pid := below[0]
	if want == "" {
		require.Equal(t, "written", readText(fmt.Sprintf("/proc/%d/root/new", pid)))
	}
	require.Equal(t, 0, c.end(t))
	written := readText(filepath.Join(b.rootfs, "new"))
	require.Equal(t, flag == "" && want == "", written == "written", "%q is on the host", written)
}

// TestIDMappedMounts: whose the host's files are, inside.
func TestIDMappedMounts(t *testing.T) {
	b := newBench(t, 0)
	source := filepath.Join(b.base, "source")
	require.NoError(t, os.Mkdir(source, 0o755))
	maps := []string{"--user-ns", "--uid-map", "0:100000:1000", "--gid-map", "0:100000:1000"}
	c := b.start(t, "owners:/bin,/data,/plain", append(maps, "--idmap-root", "--bind", source+":/data:idmap", "--bind", source+":/plain")...)
	if !atLeast(t, 5, 12) {
		require.Equal(t, 4, c.end(t), &c.stderr)
		require.Contains(t, c.stderr.String(), "Linux 5.12")
		return
	}
	if strings.Contains(c.stderr.String(), "this file system has none") {
		t.Log(c.stderr.String())
	}
	// tmpfs has idmapped mounts since 6.3; the bench lies on one.
	if !atLeast(t, 6, 3) {
		require.Equal(t, 4, c.end(t), &c.stderr)
		require.Contains(t, c.stderr.String(), "this file system has none")
		return
	}
	require.Equal(t, "/bin 0:0 /data 0:0 /plain 65534:65534", c.line(t))
	require.Equal(t, 0, c.end(t))
}

// TestOverlayOverIDMap: the files below the layer in memory have the owners
// that the id map gives them, and what is changed is gone at the end.
func TestOverlayOverIDMap(t *testing.T) {
	b := newBench(t, 0)
	disk := b.diskRootfs(t)
	b.rootfs = disk
	flags := []string{"--user-ns", "--uid-map", "0:100000:1000", "--gid-map", "0:100000:1000", "--idmap-root", "--overlay"}
	c := b.start(t, "owners:/,/bin,/bin/probe", flags...)
	if !atLeast(t, 5, 12) {
		require.Equal(t, 4, c.end(t), &c.stderr)
		require.Contains(t, c.stderr.String(), "Linux 5.12")
		return
	}
	require.Equal(t, "/ 0:0 /bin 0:0 /bin/probe 0:0", c.line(t))
	require.Equal(t, 0, c.end(t))
	c = b.start(t, "write:/bin/new", flags...)
	require.Equal(t, "", c.line(t))
	require.Equal(t, 0, c.end(t))
	require.NoFileExists(t, disk+"/bin/new")
}

// diskRootfs is a rootfs on ext4, which has had idmapped mounts for longest.
func (b *bench) diskRootfs(t *testing.T) string {
	t.Helper()
	disk, err := os.MkdirTemp("/var/tmp", "rootfs-")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(disk)) })
	require.NoError(t, os.Mkdir(disk+"/bin", 0o755))
	require.NoError(t, exec.Command("cp", b.rootfs+"/bin/probe", disk+"/bin/probe").Run())
	require.NoError(t, os.Chmod(disk, 0o755))
	return disk
}

// TestInit: PID 1 is not the command; orphans are reaped; the exit code and
// the signals are the command's.
func TestInit(t *testing.T) {
	b := newBench(t, 0)
	c := b.start(t, "orphans", "--init")
	require.Equal(t, "1 0", c.line(t), "parent of the command; processes that are left")
	require.Equal(t, 0, c.end(t))

	c = b.start(t, "exit:7", "--init")
	require.Equal(t, 7, c.end(t))
	// Who was killed is said to have been, and who only exits like it is not.
	for mode, want := range map[string]string{"die:9": "SIGKILL", "die:15": "SIGTERM", "exit:137": ""} {
		file := artifact(t, "init.json")
		c = b.start(t, mode, "--init", "--report", file)
		code := c.end(t)
		r := readReport(t, file)
		require.Equal(t, want, r.Signal, mode)
		require.Equal(t, map[bool]string{true: "exited", false: "signaled"}[want == ""], r.Outcome, mode)
		require.Equal(t, map[string]int{"die:9": 137, "die:15": 143, "exit:137": 137}[mode], code)
		require.Equal(t, code, r.ExitCode)
	}
	c = b.start(t, "signals", "--init")
	require.Equal(t, "ready", c.line(t))
	for _, s := range []unix.Signal{unix.SIGINT, unix.SIGUSR1, unix.SIGTERM} {
		require.NoError(t, c.cmd.Process.Signal(s))
		require.Equal(t, unix.SignalName(s), c.line(t))
	}
	require.Equal(t, 42, c.end(t))
}

// TestTimeNamespace compares the clocks on both sides.
func TestTimeNamespace(t *testing.T) {
	for _, uid := range []uint32{0, 1000} {
		b := newBench(t, uid)
		hours := 1 + b.random.IntN(100)
		flags := []string{"--time-offset", fmt.Sprintf("boottime=%dh", hours), "--time-offset", "monotonic=1.5s"}
		if uid != 0 {
			flags = append(flags, "--user-ns")
		}
		c := b.start(t, "clocks", flags...)
		var inside, outside int64
		_, err := fmt.Sscan(c.line(t), &inside)
		require.NoError(t, err)
		var now unix.Timespec
		require.NoError(t, unix.ClockGettime(unix.CLOCK_BOOTTIME, &now))
		outside = now.Sec
		pid := c.find(t, b)
		require.InDelta(t, hours*3600, inside-outside, patience.Seconds())
		require.NotEqual(t, namespaceLinks("/proc/self")["time"], namespaceLinks(fmt.Sprintf("/proc/%d", pid))["time"])
		offsets := strings.Fields(readText(fmt.Sprintf("/proc/%d/timens_offsets", pid)))
		require.Equal(t, []string{"monotonic", "1", "500000000", "boottime", fmt.Sprint(hours * 3600), "0"}, offsets)
		require.Equal(t, 0, c.end(t))
	}
}
