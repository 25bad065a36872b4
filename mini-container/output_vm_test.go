//go:build vmtest && linux

package minicontainer_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// A flood is a stream of blocks, each of which begins with its number, so that
// what is left of it can be compared with what was written.
const (
	floodBlock = 64 << 10 // bytes
	floodRing  = 64       // blocks, more than any pipe here holds
)

// flood writes that many bytes, and nothing after them: "SIZE", or "SIZE:wait"
// to live on until stdin ends. A pipe is given the pages themselves
// (vmsplice(2)): to copy 10 GB takes an emulated processor an hour.
func flood(argument string) string {
	size, wait, _ := strings.Cut(argument, ":")
	left, _ := strconv.Atoi(size)
	ring, err := unix.Mmap(-1, 0, floodRing*floodBlock, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		os.Exit(97)
	}
	_, _ = unix.FcntlInt(1, unix.F_SETPIPE_SZ, 1<<20)
	for i := 0; left > 0; i++ {
		block := ring[i%floodRing*floodBlock:][:min(floodBlock, left)]
		copy(block, blockHead(int64(i)))
		if hand(block) != nil {
			os.Exit(98)
		}
		left -= len(block)
	}
	if wait != "" {
		os.Stdin.Read(make([]byte, 1))
	}
	os.Exit(0)
	return ""
}

func blockHead(number int64) []byte { return fmt.Appendf(nil, "%020d", number) }

// hand puts a block into stdout, without a copy if it is a pipe.
func hand(block []byte) error {
	for len(block) > 0 {
		vector := unix.Iovec{Base: &block[0]}
		vector.SetLen(len(block))
		n, err := unix.Vmsplice(1, []unix.Iovec{vector}, 0)
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			_, err = os.Stdout.Write(block)
			return err
		}
		block = block[n:]
	}
	return nil
}

// requireFlood compares a piece of the stream with what was written there.
func requireFlood(t *testing.T, got []byte, offset int64) {
	t.Helper()
	want := make([]byte, floodBlock)
	for len(got) > 0 {
		inside := offset % floodBlock
		copy(want, blockHead(offset/floodBlock))
		n := min(len(got), int(floodBlock-inside))
		require.True(t, bytes.Equal(want[inside:][:n], got[:n]), "the output differs at %d", offset)
		got, offset = got[n:], offset+int64(n)
	}
}

// TestMuchOutput: it does not go through the supervisor, and arrives as it was.
func TestMuchOutput(t *testing.T) {
	testOutput(t, 64<<20, func(stdout *os.File, size int64) {
		piece := make([]byte, 1<<20)
		for at := int64(0); at < size; at += int64(len(piece)) {
			_, err := io.ReadFull(stdout, piece)
			require.NoError(t, err)
			requireFlood(t, piece, at)
		}
	})
}

// TestVeryMuchOutput is the same with 10 GB, which are counted.
func TestVeryMuchOutput(t *testing.T) {
	testOutput(t, 10<<30, func(stdout *os.File, size int64) {
		null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
		require.NoError(t, err)
		defer null.Close()
		for got := int64(0); got < size; {
			n, err := unix.Splice(int(stdout.Fd()), nil, int(null.Fd()), nil, int(min(1<<20, size-got)), 0)
			if err == unix.EINTR {
				continue
			}
			require.NoError(t, err)
			require.Positive(t, n, "it ends after %d", got)
			got += n
		}
	})
}

func testOutput(t *testing.T, size int64, consume func(stdout *os.File, size int64)) {
	b := newBench(t, 0)
	stdout, inside, err := os.Pipe()
	require.NoError(t, err)
	defer stdout.Close()
	cmd := b.prepare(t, fmt.Sprintf("flood:%d:wait", size))
	cmd.Stdout = inside
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	start := time.Now()
	require.NoError(t, cmd.Start())
	inside.Close()
	consume(stdout, size)
	took := time.Since(start).Round(time.Millisecond)
	peak, read := fieldKB(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid), "VmHWM:"), readBytes(t, cmd.Process.Pid)
	require.NoError(t, stdin.Close())
	more, err := io.ReadAll(stdout)
	require.NoError(t, err)
	require.Empty(t, more, "more than was written")
	require.NoError(t, cmd.Wait(), "%v", cmd.Stderr)
	t.Logf("%d MiB in %s, supervisor at most %d KiB and has read %d KiB", size>>20, took, peak, read>>10)
	require.Positive(t, peak)
	require.LessOrEqual(t, peak, int64(supervisorTakes), "KiB of the supervisor")
	require.Less(t, read, size/2, "it goes through the supervisor")
}

// readBytes is what a process has read in its life, from whatever.
func readBytes(t *testing.T, pid int) int64 {
	t.Helper()
	var n int64
	_, err := fmt.Sscanf(readText(fmt.Sprintf("/proc/%d/io", pid)), "rchar: %d", &n)
	require.NoError(t, err)
	return n
}

// TestSlowReader: a terminal's output does go through the supervisor. Who does
// not read it stops the command, not the memory; and nothing is lost, even if
// the command is long over.
func TestSlowReader(t *testing.T) {
	// Of the first three the pipe holds most, the supervisor some, the terminal
	// the rest, and the command has ended; the last they cannot hold.
	for _, size := range []int64{69_000, 71_000, 73_000, 8 << 20} {
		t.Run(fmt.Sprint(size), func(t *testing.T) { testSlowReader(t, size) })
	}
}

func testSlowReader(t *testing.T, size int64) {
	const pause = 2 * time.Second // longer than the supervisor waits for stragglers
	b := newBench(t, 0)
	cmd := b.prepare(t, fmt.Sprintf("flood:%d", size), "--tty")
	stdout, inside, err := os.Pipe()
	require.NoError(t, err)
	defer stdout.Close()
	cmd.Stdout = inside
	require.NoError(t, cmd.Start())
	inside.Close()
	t.Cleanup(func() { cmd.Process.Kill() })
	eventually(t, "nothing arrives", func() bool {
		there, err := unix.IoctlGetInt(int(stdout.Fd()), unix.TIOCINQ)
		return err == nil && there >= 32<<10
	})
	for before := int64(-1); before != readBytes(t, cmd.Process.Pid); time.Sleep(pause) {
		before = readBytes(t, cmd.Process.Pid)
	}
	peak := fieldKB(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid), "VmHWM:")
	got, err := io.ReadAll(stdout)
	require.NoError(t, err)
	require.NoError(t, cmd.Wait(), "%v", cmd.Stderr)
	require.Len(t, got, int(size))
	requireFlood(t, got, 0)
	require.LessOrEqual(t, peak, int64(supervisorTakes), "KiB of the supervisor")
}

// TestVeryLongLog: at no time does the log of a container that says very much
// take more than it may, nor does its supervisor grow; what is kept is the end.
func TestVeryLongLog(t *testing.T) { testLog(t, 1<<30) }

func testLog(t *testing.T, size int64) {
	const least, most = 4 << 20, 9 << 20
	b := newBench(t, 0)
	start := time.Now()
	id := b.detach(t, "flood:"+strconv.FormatInt(size, 10))
	memory := fmt.Sprintf("/proc/%d/status", b.listed(t, id).SupervisorPID)
	var largest, peak int64
	for b.listed(t, id).Status != "stopped" {
		for range 20 {
			largest, peak = max(largest, b.stateSize(t, id)), max(peak, fieldKB(memory, "VmHWM:"))
			time.Sleep(50 * time.Millisecond)
		}
	}
	t.Logf("%d MiB in %s, log at most %d KiB, supervisor at most %d KiB", size>>20, time.Since(start).Round(time.Millisecond), largest>>10, peak)
	require.Positive(t, largest)
	require.Less(t, largest, int64(most))
	require.Positive(t, peak)
	require.LessOrEqual(t, peak, int64(supervisorTakes), "KiB of the supervisor")
	kept := b.command(t, 0, "logs", id)
	require.GreaterOrEqual(t, len(kept), least-floodBlock)
	requireFlood(t, []byte(kept), size-int64(len(kept)))
	b.command(t, 0, "delete", id)
}
