package minicontainer

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// signalProcess sends a signal to the process that had the pid at the given
// time. The pidfd keeps it from going to a successor of the same number.
func signalProcess(pid int, ticks uint64, sig unix.Signal) error {
	fd, err := openProcess(pid, ticks)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := unix.PidfdSendSignal(fd, sig, nil, 0); err != nil {
		return fmt.Errorf("signal process %d: %w", pid, err)
	}
	return nil
}

// openProcess returns a pidfd. First the descriptor, then the look at who it
// is: the other way round the number could change hands in between.
func openProcess(pid int, ticks uint64) (int, error) {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return -1, fmt.Errorf("open process %d: %w", pid, err)
	}
	now, err := startTicks("/proc", pid)
	if err != nil || now != ticks {
		unix.Close(fd)
		return -1, fmt.Errorf("open process %d: it is another one by now: %w", pid, unix.ESRCH)
	}
	return fd, nil
}

// startTicks is when a process started, in clock ticks since boot.
func startTicks(proc string, pid int) (uint64, error) {
	text, err := os.ReadFile(filepath.Join(proc, strconv.Itoa(pid), "stat"))
	if err != nil {
		return 0, fmt.Errorf("read start time: %w", err)
	}
	return parseStartTicks(string(text))
}

// parseStartTicks finds field 22 of proc_pid_stat(5). The name in field 2 can
// hold blanks and parentheses, so the count begins at the last of these.
func parseStartTicks(stat string) (uint64, error) {
	const afterName = 19 // field 22, counted from field 3
	_, rest, found := cutLast(stat, ")")
	fields := strings.Fields(rest)
	if !found || len(fields) <= afterName {
		return 0, fmt.Errorf("parse start time: stat %q is too short", stat)
	}
	ticks, err := strconv.ParseUint(fields[afterName], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("parse start time: %w", err)
	}
	return ticks, nil
}

func cutLast(text, separator string) (before, after string, found bool) {
	i := strings.LastIndex(text, separator)
	if i < 0 {
		return text, "", false
	}
	return text[:i], text[i+len(separator):], true
}
