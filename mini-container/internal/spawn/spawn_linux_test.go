package spawn

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// The test binary is what gets started, too.
func TestMain(m *testing.M) {
	if os.Args[0] == "child" {
		child()
		return
	}
	os.Exit(m.Run())
}

// child tells on standard output what it has become.
func child() {
	uid, _ := os.ReadFile("/proc/self/uid_map")
	caps := ""
	status, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(status)) {
		if mask, ok := strings.CutPrefix(line, "CapEff:"); ok {
			caps = strings.TrimSpace(mask)
		}
	}
	time, _ := os.ReadFile("/proc/self/timens_offsets")
	fmt.Println(strings.Join(os.Args[1:], " "), os.Getenv("WORD"))
	fmt.Println(strings.Fields(string(uid)), os.Getuid(), caps)
	fmt.Println(strings.Fields(string(time)))
	if _, err := unix.FcntlInt(200, unix.F_GETFD, 0); err == nil {
		fmt.Println("descriptor 200 is open")
	}
	for _, ns := range []string{"mnt", "user", "pid", "time"} {
		link, _ := os.Readlink("/proc/self/ns/" + ns)
		fmt.Print(link, " ")
	}
	fmt.Println()
	os.Stdin.Read(make([]byte, 1))
}

// running is a started child with what it has said.
type running struct {
	process *Process
	stdin   *os.File
	lines   []string
}

func start(t *testing.T, p *Plan) (*running, error) {
	t.Helper()
	runtime.LockOSThread()
	inRead, inWrite, err := os.Pipe()
	require.NoError(t, err)
	outRead, outWrite, err := os.Pipe()
	require.NoError(t, err)
	t.Cleanup(func() { inWrite.Close(); outRead.Close() })
	p.Args, p.Env = []string{"child", "one", "two"}, []string{"WORD=three"}
	p.Files = []*os.File{inRead, outWrite, nil}
	process, err := p.Start()
	inRead.Close()
	outWrite.Close()
	if err != nil {
		return nil, err
	}
	r := &running{process: process, stdin: inWrite}
	var buffer [4096]byte
	text := ""
	for strings.Count(text, "\n") < 4 {
		n, err := outRead.Read(buffer[:])
		require.NoError(t, err, "the child has said %q", text)
		text += string(buffer[:n])
	}
	r.lines = strings.Split(text, "\n")
	return r, nil
}

func (r *running) end(t *testing.T) {
	t.Helper()
	r.stdin.Close()
	state, err := r.process.Wait()
	require.NoError(t, err)
	require.Zero(t, state.ExitStatus(), state)
}

// mapSelf maps id 0 inside to whoever runs the test.
func mapSelf(pid int) error {
	for file, text := range map[string]string{
		"uid_map": fmt.Sprintf("0 %d 1\n", os.Geteuid()), "setgroups": "deny",
	} {
		if err := os.WriteFile(fmt.Sprintf("/proc/%d/%s", pid, file), []byte(text), 0); err != nil {
			return err
		}
	}
	return os.WriteFile(fmt.Sprintf("/proc/%d/gid_map", pid), []byte(fmt.Sprintf("0 %d 1\n", os.Getegid())), 0)
}

// userNamespaces reports whether whoever runs the test may make them here, by
// other means than ours.
func userNamespaces() bool {
	cmd := exec.Command("/proc/self/exe", "-test.run=^$")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}},
	}
	return cmd.Run() == nil
}

// startIsolated starts what needs a user namespace. Where there is none to be
// had that must be an error of the kernel's, and the test is over: every
// kernel of the matrix has them, and the tests there stand on them.
func startIsolated(t *testing.T, available bool, p *Plan) *running {
	t.Helper()
	r, err := start(t, p)
	if available {
		require.NoError(t, err)
		return r
	}
	var errno syscall.Errno
	require.ErrorAs(t, err, &errno)
	requireNoneLeft(t)
	return nil
}

func requireNoneLeft(t *testing.T) {
	t.Helper()
	_, err := unix.Wait4(-1, nil, unix.WNOHANG, nil)
	require.ErrorIs(t, err, unix.ECHILD, "a process is left")
}

func TestStartPlain(t *testing.T) {
	require.NoError(t, unix.Dup3(2, 200, 0)) // what a careless caller leaves
	defer unix.Close(200)
	r, err := start(t, &Plan{})
	require.NoError(t, err)
	require.Equal(t, "one two three", r.lines[0])
	require.NotContains(t, r.lines, "descriptor 200 is open")
	r.end(t)
}

// TestStartBorrowing: what a new process does in our memory until its exec
// leaves no trace there, whatever our other threads do meanwhile.
func TestStartBorrowing(t *testing.T) {
	var done atomic.Bool
	ended := make(chan bool)
	go func() {
		defer close(ended)
		for !done.Load() {
			runtime.GC()
		}
	}()
	before := openFiles(t)
	const rounds = 10
	for range rounds {
		r, err := start(t, &Plan{})
		require.NoError(t, err)
		require.Equal(t, "one two three", r.lines[0])
		r.end(t)
		_, err = start(t, &Plan{Flags: 1 << 40}) // no such flag
		require.ErrorIs(t, err, unix.EINVAL)
	}
	done.Store(true)
	<-ended
	require.LessOrEqual(t, openFiles(t), before+4*rounds, "more descriptors are left than the pipes of this test")
}

func openFiles(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	return len(list)
}

func TestBorrows(t *testing.T) {
	require.True(t, (&rawPlan{joinUser: -1}).borrows())
	for _, not := range []rawPlan{{joinUser: 3}, {joinUser: -1, gated: true}, {joinUser: -1, second: true}} {
		require.False(t, not.borrows(), "%+v", not)
	}
}

func TestStartSealed(t *testing.T) {
	r := startIsolated(t, userNamespaces(), &Plan{Flags: unix.CLONE_NEWUSER | unix.CLONE_NEWNS, Map: mapSelf})
	if r == nil {
		return
	}
	require.Equal(t, fmt.Sprintf("[0 %d 1] 0", os.Geteuid()), r.lines[1][:strings.LastIndex(r.lines[1], " ")])
	require.NotContains(t, r.lines[1], " 0000000000000000")

	exe, err := os.Open(fmt.Sprintf("/proc/%d/exe", r.process.Pid))
	require.NoError(t, err)
	defer exe.Close()
	var fs unix.Statfs_t
	require.NoError(t, unix.Fstatfs(int(exe.Fd()), &fs))
	require.NotZero(t, fs.Flags&unix.ST_RDONLY, "the executable is not on a read-only mount")
	r.end(t)
	// Opening it to write would be ETXTBSY while this test runs.
	require.ErrorIs(t, unix.Chmod(fmt.Sprintf("/proc/self/fd/%d", exe.Fd()), 0o755), unix.EROFS)
}

func TestStartInTime(t *testing.T) {
	own, err := os.Readlink("/proc/self/ns/time") // an error is a kernel without
	r := startIsolated(t, err == nil && userNamespaces(), &Plan{
		Flags: unix.CLONE_NEWUSER | unix.CLONE_NEWNS | unix.CLONE_NEWPID, Map: mapSelf, Time: "monotonic 3600 7\nboottime 86400 0\n",
	})
	if r == nil {
		return
	}
	require.Equal(t, "[monotonic 3600 7 boottime 86400 0]", r.lines[2])
	require.NotContains(t, r.lines[3], own)
	r.end(t)
}

func TestStartJoining(t *testing.T) {
	first := startIsolated(t, userNamespaces(), &Plan{Flags: unix.CLONE_NEWUSER | unix.CLONE_NEWNS | unix.CLONE_NEWPID, Map: mapSelf})
	if first == nil {
		return
	}
	p := &Plan{}
	for _, kind := range []string{"user", "pid", "mnt"} {
		ns, err := os.Open(filepath.Join("/proc", fmt.Sprint(first.process.Pid), "ns", kind))
		require.NoError(t, err)
		defer ns.Close()
		if kind == "user" {
			p.JoinUser = ns
			continue
		}
		p.Join = append(p.Join, ns)
	}
	second, err := start(t, p)
	require.NoError(t, err)
	require.Equal(t, first.lines[1], second.lines[1])
	second.end(t)
	first.end(t)
}

func TestStartFails(t *testing.T) {
	if userNamespaces() {
		wrong := errors.New("wrong")
		_, err := start(t, &Plan{Flags: unix.CLONE_NEWUSER | unix.CLONE_NEWNS, Map: func(int) error { return wrong }})
		require.ErrorIs(t, err, wrong)
		_, err = start(t, &Plan{Flags: unix.CLONE_NEWUSER | unix.CLONE_NEWNS, Map: func(int) error { return nil }})
		require.EqualError(t, err, "take id 0: invalid argument")
	}
	null, err := os.Open(os.DevNull)
	require.NoError(t, err)
	defer null.Close()
	_, err = start(t, &Plan{Join: []*os.File{null}})
	var failed *Error
	require.ErrorAs(t, err, &failed)
	requireNoneLeft(t)
}

func TestSealedCopy(t *testing.T) {
	file, err := os.Open(os.DevNull)
	require.NoError(t, err)
	defer file.Close()
	copied, err := sealedCopy(file)
	require.NoError(t, err)
	defer copied.Close()
	_, err = copied.Write([]byte("x"))
	require.ErrorIs(t, err, unix.EPERM)
}
