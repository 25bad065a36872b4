//go:build vmtest && linux

package bpftour_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// opened is one open of the workload and how it ended.
type opened struct {
	path string
	ret  float64
}

// openVia opens a file by one of the three system calls there are. The old
// open(2) has number 2 on x86-64 and does not exist on arm64.
func openVia(call int, dir int, path string, flags int) opened {
	var fd int
	var err error
	switch {
	case call == 0 && runtime.GOARCH == "amd64":
		p, _ := unix.BytePtrFromString(path)
		r, _, errno := unix.Syscall(2, uintptr(unsafe.Pointer(p)), uintptr(flags), 0)
		if fd = int(r); errno != 0 {
			err = errno
		}
	case call == 1:
		fd, err = unix.Openat2(dir, path, &unix.OpenHow{Flags: uint64(flags)})
	default:
		fd, err = unix.Openat(dir, path, flags, 0)
	}
	if err != nil {
		return opened{path, -float64(err.(unix.Errno))}
	}
	_ = unix.Close(fd)
	return opened{path, float64(fd)}
}

func TestVMOpensnoop(t *testing.T) {
	r := seeded(t)
	for _, box := range []time.Duration{time.Second, 5 * time.Second, 25 * time.Second} {
		launched := time.Now()
		s := startTour(t, "opensnoop", box.String())
		ready := time.Now()
		want := openSome(t, r)
		opened := time.Now()
		result := s.wait(t)
		checkBox(t, result, box, launched, ready)
		if opened.After(result.StartedAt.Add(box)) {
			t.Logf("this machine does not do the work in %v", box)
			continue
		}
		require.Equal(t, want, ownOpens(result, want))
		return
	}
	t.Fatal("no time box was long enough for the workload")
}

// openSome opens files in all ways there are, some of which exist.
func openSome(t *testing.T, r *rand.Rand) (want []opened) {
	dir := t.TempDir()
	dirFD, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY, 0)
	require.NoError(t, err)
	defer func() { _ = unix.Close(dirFD) }()
	for i := range 30 + r.IntN(30) {
		name := fmt.Sprintf("%d-%s", i, nasty(r, 5+r.IntN(40)))
		path, exists := filepath.Join(dir, name), r.IntN(2) == 0
		if exists {
			fd, err := unix.Open(path, unix.O_CREAT|unix.O_WRONLY, 0o600)
			require.NoError(t, err)
			require.NoError(t, unix.Close(fd))
			want = append(want, opened{path, float64(fd)})
		}
		call := r.IntN(3)
		if call > 0 && r.IntN(2) == 0 {
			path = name // relative to dirFD
		}
		o := openVia(call, dirFD, path, unix.O_RDONLY)
		require.Equal(t, exists, o.ret >= 0)
		want = append(want, o)
	}
	return want
}

// ownOpens are the recorded opens of this process that are the workload's.
func ownOpens(result vmResult, want []opened) (got []opened) {
	names := map[string]bool{}
	for _, w := range want {
		names[w.path] = true
	}
	for _, e := range mine(result.Events, os.Getpid()) {
		if path := e["path"].(string); names[path] {
			got = append(got, opened{path, e["ret"].(float64)})
		}
	}
	return got
}

// checkBox: the time box starts when the probes are attached, and lasts as
// long as it was asked to. Its result is there once it is over.
func checkBox(t *testing.T, result vmResult, box time.Duration, launched, ready time.Time) {
	t.Helper()
	require.Equal(t, "duration", result.EndedBy)
	require.GreaterOrEqual(t, result.DurationNS, box.Nanoseconds())
	require.True(t, result.StartedAt.After(launched) && result.StartedAt.Before(ready),
		"started at %v, want between %v and %v", result.StartedAt, launched, ready)
	ended := result.StartedAt.Add(time.Duration(result.DurationNS))
	require.True(t, ended.Before(time.Now()), "ended at %v", ended)
}

func TestVMExecsnoop(t *testing.T) {
	r := seeded(t)
	s := startTour(t, "execsnoop", "60s")
	type started struct {
		pid  int
		argv []string
	}
	var all []started
	for _, extra := range r.Perm(11) { // from 1 to 11 arguments, of which 8 are kept
		argv := []string{fmt.Sprintf("name-%d", extra)}
		for range extra {
			argv = append(argv, nasty(r, r.IntN(60)))
		}
		cmd := &exec.Cmd{Path: "/bin/true", Args: argv}
		require.NoError(t, cmd.Run())
		all = append(all, started{cmd.Process.Pid, argv})
		require.Error(t, (&exec.Cmd{Path: "/nonexistent", Args: argv}).Run())
	}
	time.Sleep(100 * time.Millisecond)
	result := s.stop(t)
	own := 0
	for _, e := range result.Events {
		if e["ppid"] == float64(os.Getpid()) {
			own++
		}
	}
	require.Equal(t, len(all), own, "only the execs that succeeded")
	for _, want := range all {
		rows := mine(result.Events, want.pid)
		require.Len(t, rows, 1, "%q", want.argv)
		require.Equal(t, "true", rows[0]["comm"])
		require.Equal(t, float64(len(want.argv)), rows[0]["argc_count"])
		argv := make([]any, 0, 8)
		for _, a := range want.argv[:min(8, len(want.argv))] {
			argv = append(argv, a)
		}
		require.Equal(t, argv, rows[0]["argv"])
	}
}
