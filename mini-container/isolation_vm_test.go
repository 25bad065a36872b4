//go:build vmtest && linux

package minicontainer_test

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// The capabilities that week 9 allows, by number (capabilities(7)): chown,
// dac_override, fowner, fsetid, kill, setgid, setuid, setpcap,
// net_bind_service, sys_chroot, setfcap.
var allowedCaps = []uint{0, 1, 3, 4, 5, 6, 7, 8, 10, 18, 31}

var capNumbers = map[string]uint{
	"CAP_CHOWN": 0, "CAP_DAC_OVERRIDE": 1, "CAP_FOWNER": 3, "CAP_FSETID": 4, "CAP_KILL": 5, "CAP_SETGID": 6,
	"CAP_SETUID": 7, "CAP_SETPCAP": 8, "CAP_NET_BIND_SERVICE": 10, "CAP_SYS_CHROOT": 18, "CAP_SETFCAP": 31,
}

// TestIsolation holds one container still and compares three views of it: the
// probe's inside, the kernel's from outside, and the report's.
func TestIsolation(t *testing.T) {
	b := newBench(t, 0)
	hostname, value := b.word(), b.word()
	outsideBefore := hostnameOf(t, os.Getpid())
	c := b.start(t, "story:"+b.secret, "--hostname", hostname, "--report", artifact(t, "run.json"),
		"--env", "RANDOM_VALUE="+value, "--workdir", "/bin")
	s := c.story(t)
	pid := c.find(t, b)
	v := look(t, pid)

	t.Run("namespaces", func(t *testing.T) {
		requireNamespaces(t, v, s, "cgroup", "ipc", "mnt", "net", "pid", "uts")
	})
	t.Run("process", func(t *testing.T) {
		require.Equal(t, 1, s.PID)
		require.Equal(t, []string{strconv.Itoa(pid), "1"}, statusField(pid, "NSpid"))
		require.Equal(t, []string{"1"}, s.PIDs, "other processes are visible")
		require.Equal(t, "probe\x00", s.Cmdline1)
		require.Equal(t, "/bin", s.Cwd)
		require.Contains(t, s.Env, "RANDOM_VALUE="+value)
		require.False(t, slices.ContainsFunc(s.Env, func(e string) bool { return strings.HasPrefix(e, "HOST_ONLY=") }))
		require.Empty(t, s.Descriptors, "descriptors of the host are open inside (CVE-2024-21626)")
	})
	t.Run("host name", func(t *testing.T) {
		require.Equal(t, hostname, s.Hostname)
		require.Equal(t, hostname, v.hostname)
		require.Equal(t, outsideBefore, hostnameOf(t, os.Getpid()), "the host's name changed")
	})
	t.Run("privileges", func(t *testing.T) { requirePrivileges(t, v, s) })
	t.Run("file system", func(t *testing.T) { requireFileSystem(t, v, s) })
	t.Run("attempts", func(t *testing.T) { requireAttempts(t, s, "EROFS") })
	t.Run("network", func(t *testing.T) { requireNetwork(t, s) })

	require.Equal(t, 0, c.end(t))
	report := readReport(t, artifact(t, "run.json"))
	requireReport(t, v, report)
	require.Equal(t, "exited", report.Outcome)
	require.Equal(t, []string{"probe"}, report.Command)
	require.Equal(t, v.status["Seccomp"] == "0", report.Seccomp == "disabled")
}

// requireNamespaces: the given kinds are new, all others the host's.
func requireNamespaces(t *testing.T, v view, s story, fresh ...string) {
	t.Helper()
	require.Equal(t, v.namespaces, s.Namespaces)
	for kind, link := range v.hostSpaces {
		if slices.Contains(fresh, kind) {
			require.NotEqual(t, link, v.namespaces[kind], "%s namespace is the host's", kind)
		} else {
			require.Equal(t, link, v.namespaces[kind], "%s namespace is not the host's", kind)
		}
	}
}

func requirePrivileges(t *testing.T, v view, s story) {
	t.Helper()
	require.Equal(t, v.status, s.Status)
	var mask uint64
	for _, number := range allowedCaps {
		mask |= 1 << number
	}
	for _, set := range []string{"CapBnd", "CapEff", "CapPrm"} {
		require.Equal(t, fmt.Sprintf("%016x", mask), v.status[set], set)
	}
	for _, set := range []string{"CapInh", "CapAmb"} { // CVE-2022-29162
		require.Equal(t, fmt.Sprintf("%016x", 0), v.status[set], set)
	}
	require.Equal(t, "1", v.status["NoNewPrivs"])
}

func requireFileSystem(t *testing.T, v view, s story) {
	t.Helper()
	require.Equal(t, seenInside(v.mountinfo), seenInside(s.Mountinfo))
	require.Empty(t, s.HostFile, "a file of the host is in reach")
	types := map[string]string{}
	for _, line := range v.mountinfo {
		fields := strings.Fields(line)
		require.Equal(t, "-", fields[6], "not private: %s", line)
		_, after, _ := strings.Cut(line, " - ")
		types[fields[4]], _, _ = strings.Cut(after, " ")
	}
	for target, want := range map[string]string{
		"/": "tmpfs", "/proc": "proc", "/dev": "tmpfs", "/dev/pts": "devpts", "/dev/shm": "tmpfs", "/sys": "sysfs", "/proc/sys": "proc",
		"/dev/mqueue": "mqueue", "/sys/fs/cgroup": "cgroup2",
	} {
		require.Equal(t, want, types[target], target)
	}
	require.Equal(t, map[string]string{
		"null": "c 1:3 666", "zero": "c 1:5 666", "full": "c 1:7 666", "random": "c 1:8 666", "urandom": "c 1:9 666", "tty": "c 5:0 666",
		"fd": "-> /proc/self/fd", "stdin": "-> /proc/self/fd/0", "stdout": "-> /proc/self/fd/1", "stderr": "-> /proc/self/fd/2",
		"ptmx": "-> pts/ptmx", "pts": "dir", "shm": "dir", "mqueue": "dir",
	}, s.Dev)
}

// seenInside: a mount of cgroup2 shows its root as seen from the reader's own
// cgroup, which is "/" in the container.
func seenInside(mountinfo []string) []string {
	var lines []string
	for _, line := range mountinfo {
		if strings.Contains(line, " - cgroup2 ") {
			fields := strings.Split(line, " ")
			fields[3] = "/"
			line = strings.Join(fields, " ")
		}
		lines = append(lines, line)
	}
	return lines
}

// requireAttempts: denied is what a write to /proc/sys says. For a user who is
// not root outside the file's mode speaks before the read-only mount does.
func requireAttempts(t *testing.T, s story, denied string) {
	t.Helper()
	require.Equal(t, map[string]string{
		"sethostname": "EPERM", "mount": "EPERM", "umount /proc/sys": "EPERM", "mknod disk": "EPERM", "unshare net": "EPERM",
		"write /proc/sys/kernel/core_pattern": denied, "write /proc/sysrq-trigger": denied, "write /sys/kernel/mm/ksm/run": "EROFS",
		"write /dev/null": "",
	}, s.Attempts)
}

func requireNetwork(t *testing.T, s story) {
	t.Helper()
	require.Len(t, s.Interfaces, 1, "%v", s.Interfaces)
	require.Contains(t, s.Interfaces["lo"], "up")
	require.Contains(t, s.Interfaces["lo"], "loopback")
	require.Equal(t, map[string]string{"tcp4": "", "tcp6": ""}, s.Loopback)
}

// capMask is the mask of /proc/PID/status for the names in a report.
func capMask(t *testing.T, names []string) string {
	var mask uint64
	for _, name := range names {
		number, known := capNumbers[name]
		require.True(t, known, name)
		mask |= 1 << number
	}
	return fmt.Sprintf("%016x", mask)
}

// hostnameOf enters the UTS namespace of a process and asks there: procfs
// answers with the name of whoever reads.
func hostnameOf(t *testing.T, pid int) string {
	t.Helper()
	var name string
	inNamespace(t, pid, "uts", func() error {
		var uts unix.Utsname
		err := unix.Uname(&uts)
		name = unix.ByteSliceToString(uts.Nodename[:])
		return err
	})
	return name
}
