//go:build vmtest && linux

package minicontainer_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestDetached: a container that nobody waits for runs on, says what it says
// into its log, and is there with its exit code until it is deleted.
func TestDetached(t *testing.T) {
	b := newBench(t, 0)
	t.Cleanup(b.killProbes)
	id := b.detach(t, "count:"+b.word())
	entry := b.listed(t, id)
	require.True(t, entry.Detached)
	pid := entry.PID
	require.True(t, b.isProbe(pid))
	require.Equal(t, "/mini-container/"+id, cgroupOf(t, pid))
	require.NotEqual(t, sessionOf(t, os.Getpid()), sessionOf(t, entry.SupervisorPID), "the supervisor is in our session")

	b.command(t, 0, "stop", id, "--timeout", "20s") // the probe ends at SIGTERM, with 5
	require.NoFileExists(t, fmt.Sprintf("/proc/%d", pid))
	require.NoDirExists(t, hierarchy+"/mini-container")
	entry = b.listed(t, id)
	require.Equal(t, "stopped", entry.Status)
	require.Equal(t, 5, *entry.ExitCode)
	lines := strings.Fields(b.command(t, 0, "logs", "--follow", id))
	require.Equal(t, []string{"ready", "end"}, []string{lines[0], lines[len(lines)-1]}, "the log is not whole")
	b.command(t, 0, "delete", id)
	require.NoDirExists(t, "/run/mini-container/"+id)
	b.command(t, 2, "logs", id)
}

// TestStopIgnored: who does not heed SIGTERM is killed.
func TestStopIgnored(t *testing.T) {
	b := newBench(t, 0)
	t.Cleanup(b.killProbes)
	id := b.detach(t, "stay-deaf")
	pid := b.listed(t, id).PID
	b.command(t, 1, "delete", id)
	b.command(t, 0, "stop", id, "--timeout", "200ms")
	require.NoFileExists(t, fmt.Sprintf("/proc/%d", pid))
	require.Equal(t, 128+9, *b.listed(t, id).ExitCode)
	b.command(t, 0, "delete", id)

	again := b.detach(t, "stay")
	b.command(t, 0, "delete", "--force", again)
	require.NoDirExists(t, "/run/mini-container/"+again)
}

// TestDetachedRefusals: what keeps a container from running is said at once.
func TestDetachedRefusals(t *testing.T) {
	b := newBench(t, 0)
	before, err := os.ReadDir("/run/mini-container")
	require.NoError(t, err)
	require.Contains(t, b.command(t, 127, "run", "--rootfs", b.rootfs, "-d", "--", "nothing"), `find command "nothing"`)
	require.Contains(t, b.command(t, 2, "run", "--rootfs", b.rootfs+"/none", "-d", "--", "probe"), "open rootfs")
	require.NoDirExists(t, hierarchy+"/mini-container")
	after, err := os.ReadDir("/run/mini-container")
	require.NoError(t, err)
	require.Len(t, after, len(before))
}

// TestLongLog: much more output than the log keeps neither stops the container
// nor fills the state directory.
func TestLongLog(t *testing.T) {
	b := newBench(t, 0)
	id := b.detach(t, "talk:"+strconv.Itoa(12<<20))
	log := b.command(t, 0, "logs", "-f", id)
	require.Eventually(t, func() bool { return b.listed(t, id).Status == "stopped" }, patience, 50*time.Millisecond)
	require.True(t, strings.HasSuffix(log, "end\n"))
	var size int64
	files, _ := filepath.Glob("/run/mini-container/" + id + "/*")
	for _, f := range files {
		info, err := os.Stat(f)
		require.NoError(t, err)
		size += info.Size()
	}
	require.Less(t, size, int64(9<<20))
	b.command(t, 0, "delete", id)
}

// stateSize is what a container's directory takes.
func (b *bench) stateSize(t *testing.T, id string) (size int64) {
	files, err := filepath.Glob(stateRoot + "/" + id + "/*")
	require.NoError(t, err)
	for _, f := range files {
		if info, err := os.Stat(f); err == nil { // it may have been put aside
			size += info.Size()
		}
	}
	return size
}

// fieldKB is a size in /proc/PID/status, 0 if the process is gone.
func fieldKB(path, field string) int64 {
	for _, line := range readLines(path) {
		if rest, found := strings.CutPrefix(line, field); found {
			n, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return n
		}
	}
	return 0
}

// TestExec: what joins a container is as shut in as what was there, and seen
// from outside it is in the same namespaces and the same cgroup.
func TestExec(t *testing.T) {
	for _, userNS := range []bool{false, true} {
		t.Run(fmt.Sprintf("user namespace %v", userNS), func(t *testing.T) { testExec(t, userNS) })
	}
}

func testExec(t *testing.T, userNS bool) {
	b := newBench(t, 0)
	id := b.word()
	flags := []string{"--id", id, "--hostname", id, "--pids", "50", "--cpuset-cpus", "1"}
	if userNS {
		flags = append(flags, "--user-ns")
	}
	c := b.start(t, "wait", flags...)
	c.line(t)
	first := look(t, c.find(t, b))

	e := b.exec(t, id, "story:"+b.secret)
	s := e.story(t)
	v := look(t, e.find(t, b))
	require.Equal(t, first.namespaces, v.namespaces)
	require.Equal(t, first.namespaces, s.Namespaces)
	require.Equal(t, first.status, v.status, "other privileges than the container's own command")
	require.Equal(t, first.status, s.Status)
	require.Equal(t, seenInside(first.mountinfo), seenInside(s.Mountinfo))
	require.Equal(t, first.uidMap, v.uidMap)
	require.NotEqual(t, 1, s.PID)
	require.Equal(t, 0, s.UID)
	require.Equal(t, "probe\x00", s.Cmdline1, "it does not see the container's processes")
	require.Equal(t, id, s.Hostname)
	require.Empty(t, s.Descriptors, "descriptors of the host are open inside (CVE-2016-9962, CVE-2024-21626)")
	require.Empty(t, s.HostFile)
	require.Equal(t, "/mini-container/"+id, cgroupOf(t, v.pid))
	require.Equal(t, []string{"1"}, statusField(v.pid, "Cpus_allowed_list"))
	require.Equal(t, 0, e.end(t))

	for mode, want := range map[string]int{"exit:37": 37, "nothing": 99} {
		e := b.exec(t, id, mode)
		require.Equal(t, want, e.end(t), "stderr: %s", &e.stderr)
	}
	b.command(t, 127, "exec", id, "--", "/nothing")
	b.command(t, 126, "exec", id, "--", "/proc/self/exe") // CVE-2019-5736
	b.command(t, 2, "exec", id+"x", "--", "probe")

	left := b.exec(t, id, "stay")
	left.line(t)
	pid := left.find(t, b)
	require.NoError(t, left.cmd.Process.Kill())
	left.cmd.Wait()
	eventually(t, "what joined outlives its supervisor", gone(fmt.Sprintf("/proc/%d", pid)))
	require.Equal(t, 0, c.end(t), "the container itself has suffered")
}

// exec runs the probe in a container.
func (b *bench) exec(t *testing.T, id, mode string) *contained {
	t.Helper()
	c := &contained{cmd: b.prepare(t, mode)}
	c.cmd.Args = []string{c.cmd.Path, "exec", id, "--env", probeEnv + "=" + mode, "--", "probe"}
	return c.begin(t)
}

// detach starts the probe and returns the container's name.
func (b *bench) detach(t *testing.T, mode string, flags ...string) string {
	t.Helper()
	cmd := b.prepare(t, mode, append(flags, "--detach")...)
	out, err := cmd.Output()
	require.NoError(t, err, "%v", cmd.Stderr)
	id := strings.TrimSpace(string(out))
	// It runs, which is not to say that its handlers are in place.
	eventually(t, "the probe said nothing", func() bool { return b.command(t, 0, "logs", id) != "" })
	return id
}

// listed finds a container in the list.
func (b *bench) listed(t *testing.T, id string) listEntry {
	t.Helper()
	var list struct{ Containers []listEntry }
	require.NoError(t, json.Unmarshal([]byte(b.command(t, 0, "list", "--json")), &list))
	for _, e := range list.Containers {
		if e.ID == id {
			return e
		}
	}
	require.Fail(t, "container is not listed", id)
	return listEntry{}
}

type listEntry struct {
	ID, Status    string
	PID           int
	SupervisorPID int  `json:"supervisor_pid"`
	ExitCode      *int `json:"exit_code"`
	Detached      bool
}

func sessionOf(t *testing.T, pid int) int {
	t.Helper()
	session, _, errno := syscall.Syscall(syscall.SYS_GETSID, uintptr(pid), 0, 0)
	require.Zero(t, errno)
	return int(session)
}
