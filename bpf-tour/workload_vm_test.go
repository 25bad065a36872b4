//go:build vmtest && linux

package bpftour_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// helperEnv makes this test binary a workload process instead.
const helperEnv = "BPFTOUR_HELPER"

func TestMain(m *testing.M) {
	var err error
	switch os.Getenv(helperEnv) {
	case "":
		os.Exit(m.Run())
	case "read":
		err = helpRead(os.Getenv("COMM"), os.Getenv("SIZES"))
	case "spin":
		err = helpSpin(os.Getenv("COMM"), os.Getenv("CPU"), os.Getenv("FOR"), os.Getenv("WHERE"))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "helper:", err)
		os.Exit(1)
	}
}

func helper(kind string, env ...string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), append(env, helperEnv+"="+kind)...)
	cmd.Stderr = os.Stderr
	return cmd
}

// setComm names the calling thread, to which the goroutine stays locked.
func setComm(comm string) error {
	runtime.LockOSThread()
	name, err := unix.BytePtrFromString(comm)
	if err != nil {
		return err
	}
	return unix.Prctl(unix.PR_SET_NAME, uintptr(unsafe.Pointer(name)), 0, 0, 0)
}

// helpRead makes one read(2) of each size, plus reads that must not count:
// at the end of a file and of a bad descriptor.
func helpRead(comm, sizes string) error {
	zero, err := unix.Open("/dev/zero", unix.O_RDONLY, 0)
	if err != nil {
		return err
	}
	null, err := unix.Open("/dev/null", unix.O_RDONLY, 0)
	if err != nil {
		return err
	}
	if err := setComm(comm); err != nil {
		return err
	}
	buf := make([]byte, 1<<20)
	for _, s := range strings.Split(sizes, ",") {
		size, err := strconv.Atoi(s)
		if err != nil {
			return err
		}
		if n, err := unix.Read(zero, buf[:size]); n != size {
			return fmt.Errorf("read %d of %d: %w", n, size, err)
		}
		_, _ = unix.Read(null, buf)
		_, _ = unix.Read(-1, buf)
	}
	return nil
}

// spun is what the kernel itself says of a spinning thread
// (/proc/PID/task/TID/schedstat, see Documentation/scheduler/sched-stats.rst).
type spun struct{ delayNS, slices int64 }

// helpSpin says "up", waits for a line, spins on one CPU, and prints its spun. In the
// kernel it spins in reads of /dev/zero so long that it is preempted there,
// which shows as prev_state 256, and not on the way to user space, which shows
// as prev_state 0. Lazy preemption waits for up to two ticks (8 ms) for that.
func helpSpin(comm, cpu, length, where string) error {
	debug.SetGCPercent(-1)
	zero, err := unix.Open("/dev/zero", unix.O_RDONLY, 0)
	if err != nil {
		return err
	}
	buf := make([]byte, 48<<20)
	d, err := time.ParseDuration(length)
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(cpu)
	if err != nil {
		return err
	}
	fmt.Println("up")
	if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
		return err
	}
	runtime.LockOSThread()
	var set unix.CPUSet
	set.Set(n)
	if err := unix.SchedSetaffinity(0, &set); err != nil {
		return err
	}
	if err := setComm(comm); err != nil {
		return err
	}
	before, err := schedstat()
	if err != nil {
		return err
	}
	for end := time.Now().Add(d); time.Now().Before(end); {
		if where == "kernel" {
			_, _ = unix.Read(zero, buf)
		}
	}
	after, err := schedstat()
	if err := setComm("done"); err != nil { // what follows is not in schedstat either
		return err
	}
	fmt.Println(after.delayNS-before.delayNS, after.slices-before.slices)
	return err
}

func schedstat() (s spun, err error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/self/task/%d/schedstat", unix.Gettid()))
	if err != nil {
		return s, err
	}
	var cpu int64
	_, err = fmt.Sscan(string(data), &cpu, &s.delayNS, &s.slices)
	return s, err
}

// spin runs one helper per CPU number given, all at the same time, every
// second one in the kernel, and returns the sum of what the kernel says of them.
func spin(t *testing.T, comm string, d time.Duration, cpus ...int) spun {
	t.Helper()
	var all []spinner
	for i, cpu := range cpus {
		cmd := helper("spin", "COMM="+comm, "CPU="+strconv.Itoa(cpu), "FOR="+d.String(),
			"WHERE="+[]string{"user", "kernel"}[i%2], "GODEBUG=asyncpreemptoff=1")
		gate, err := cmd.StdinPipe()
		require.NoError(t, err)
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		all = append(all, spinner{cmd, gate, bufio.NewReader(out)})
	}
	for _, s := range all {
		line, err := s.out.ReadString('\n')
		require.NoError(t, err)
		require.Equal(t, "up\n", line)
	}
	for _, s := range all {
		_, err := io.WriteString(s.gate, "go\n")
		require.NoError(t, err)
	}
	var sum spun
	for _, s := range all {
		var one spun
		_, err := fmt.Fscan(s.out, &one.delayNS, &one.slices)
		require.NoError(t, err)
		require.NoError(t, s.cmd.Wait())
		sum.delayNS += one.delayNS
		sum.slices += one.slices
	}
	return sum
}

// spinner is a running spin helper: it says "up", waits for a line, spins, and
// prints its spun.
type spinner struct {
	cmd  *exec.Cmd
	gate io.Writer
	out  *bufio.Reader
}
