package cache

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// How long Use waits for the exclusive lock to go, and how often it looks: who
// has it only looks, or removes the record at once.
const (
	useWait = 5 * time.Second
	usePoll = 5 * time.Millisecond
)

// Use marks an entry as in use as long as the file it returns is open, which
// ends with the process at the latest: by a shared lock on the entry's record.
// Whoever removes an entry must have the exclusive one; see [Unused].
func Use(record string) (*os.File, error) {
	f, err := os.Open(record)
	if err != nil {
		return nil, fmt.Errorf("use cache: %w", err)
	}
	if err := lockShared(f); err != nil {
		return nil, errors.Join(fmt.Errorf("use %s: %w", record, err), f.Close())
	}
	if !IsStill(f, record) {
		return nil, errors.Join(fmt.Errorf("use %s: it is being removed", record), f.Close())
	}
	now := time.Now()
	_ = os.Chtimes(record, now, now) // when it was used last; a cache may be read-only
	return f, nil
}

func lockShared(f *os.File) error {
	deadline := time.Now().Add(useWait)
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB)
		if err == nil || !isBusy(err) || time.Now().After(deadline) {
			return err
		}
		time.Sleep(usePoll)
	}
}

// Unused returns an entry's record locked so that nobody can begin to use the
// entry, or false if somebody uses it or there is none.
func Unused(record string) (*os.File, bool) {
	f, err := os.Open(record)
	if err != nil {
		return nil, false
	}
	if unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) != nil || !IsStill(f, record) {
		_ = f.Close()
		return nil, false
	}
	return f, true
}
