package kernels

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// use marks a cache entry as in use as long as the file it returns is open,
// which ends with the process at the latest. It takes a shared flock(2) on the
// entry's record; whoever removes an entry must have the exclusive one.
func use(record string) (*os.File, error) {
	f, err := os.Open(record)
	if err != nil {
		return nil, err
	}
	if err := flockShared(f); err != nil {
		f.Close()
		return nil, fmt.Errorf("use %s: %w", record, err)
	}
	if !isStill(f, record) {
		f.Close()
		return nil, fmt.Errorf("use %s: being removed", record)
	}
	now := time.Now()
	_ = os.Chtimes(record, now, now) // when it was used last; a cache may be read-only
	return f, nil
}

// useWait bounds the wait for the exclusive lock to go: who has it only looks,
// or removes the record at once.
const useWait = 5 * time.Second

func flockShared(f *os.File) error {
	deadline := time.Now().Add(useWait)
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB)
		if err == nil || time.Now().After(deadline) || !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			return err
		}
		time.Sleep(lockPoll)
	}
}

// unused returns the record locked so that nobody can use the entry, or false
// if somebody does.
func unused(record string) (*os.File, bool) {
	f, err := os.Open(record)
	if err != nil {
		return nil, false
	}
	if unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) != nil || !isStill(f, record) {
		f.Close()
		return nil, false
	}
	return f, true
}

// isStill says whether the open file is still what the path leads to.
func isStill(f *os.File, path string) bool {
	have, err := f.Stat()
	if err != nil {
		return false
	}
	now, err := os.Stat(path)
	return err == nil && os.SameFile(have, now)
}
