package record

import (
	"os"
	"os/exec"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// The test binary is also what is recorded.
const recordedEnv = "RECORD_ME"

func TestMain(m *testing.M) {
	if os.Getenv(recordedEnv) == "" {
		os.Exit(m.Run())
	}
	say := func(text string) { _, _ = unix.Write(-1, []byte(text)) }
	say(BeginMark("one"))
	_ = unix.Mkdir("/proc/not-here", 0o700)
	done := make(chan bool)
	go func() { _ = unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0); done <- true }() // another thread, perhaps
	<-done
	say(BeginMark("two"))
	_ = exec.Command("/bin/sh", "-c", "exit 3").Run()
	say(UndoMark("one"))
	_ = unix.Rmdir("/proc/not-here")
	os.Exit(7)
}

// names are calls that the tests are about; there are no other architectures'.
var names = map[uint64]string{
	unix.SYS_WRITE: "write", unix.SYS_MKDIRAT: "mkdirat", unix.SYS_UNLINKAT: "unlinkat", unix.SYS_PRCTL: "prctl",
	unix.SYS_CLONE: "clone", unix.SYS_CLONE3: "clone3", unix.SYS_EXECVE: "execve",
}

type heard struct{ steps, calls []string }

func (h *heard) Step(name string) { h.steps = append(h.steps, name) }
func (h *heard) Call(c *Call)     { h.calls = append(h.calls, c.Name) }

func TestRun(t *testing.T) {
	t.Setenv(recordedEnv, "1")
	h := &heard{}
	r, err := Run(Command{Path: "/proc/self/exe", Args: []string{"recorded"}, Name: func(n uint64) string { return callNames()[n] }, Observer: h}, func(int) {})
	require.NoError(t, err)
	require.Equal(t, 7, r.Exit)
	require.Equal(t, []string{"one", "two"}, r.Steps)
	require.Equal(t, r.Steps, h.steps)
	require.Positive(t, r.LeftOut)

	made := find(t, r, "mkdirat", "mkdir")
	require.Equal(t, "one", made.Step)
	require.True(t, made.Main)
	require.Contains(t, made.Arguments, `"/proc/not-here"`)
	require.Equal(t, "ENOENT", made.Result)
	require.Equal(t, "one", find(t, r, "prctl").Step)

	executed := find(t, r, "execve")
	require.False(t, executed.Main)
	require.Equal(t, "two", executed.Step, "a child is where its parent was")
	require.Equal(t, `"/bin/sh"`, executed.Arguments[0])
	require.Empty(t, executed.Result, "it was let go before")
	removed := find(t, r, "unlinkat", "rmdir")
	require.True(t, removed.Undo)
	require.Len(t, h.calls, len(r.Calls))
}

func callNames() map[uint64]string {
	for number, name := range legacyNames {
		names[number] = name
	}
	return names
}

func find(t *testing.T, r *Recording, wanted ...string) *Call {
	t.Helper()
	for _, c := range r.Calls {
		if slices.Contains(wanted, c.Name) && c.Name != "prctl" || c.Name == "prctl" && slices.Contains(wanted, "prctl") && c.Arguments[0] == "PR_SET_DUMPABLE" {
			return c
		}
	}
	require.Fail(t, "not recorded", "%v", wanted)
	return nil
}

func TestRunNothing(t *testing.T) {
	_, err := Run(Command{Path: "/nowhere"}, func(int) {})
	require.ErrorContains(t, err, "start program to record")
}

// TestRestarted: a call that a signal made the kernel begin again is one call.
func TestRestarted(t *testing.T) {
	tr := &tracer{recording: &Recording{}}
	th := &thread{process: &process{}}
	for _, result := range []int64{-513, -int64(unix.ENOENT)} {
		tr.add(th, "mkdirat", Catalogue()["mkdirat"], nil)
		tr.leave(th, &syscallInfo{data: [7]uint64{uint64(result), 1}})
	}
	require.Len(t, tr.recording.Calls, 1)
	require.Equal(t, "ENOENT", tr.recording.Calls[0].Result)
}
