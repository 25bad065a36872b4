package image

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// useWait bounds the wait for the exclusive lock to go: who has it only looks,
// or removes the record at once.
const useWait = 5 * time.Second

// uses are the records of the images that this process has opened. A VM may run
// on one until the process ends, and so does its lock.
type uses struct {
	mu    sync.Mutex
	files map[string]*os.File // by entry
}

var inUse = uses{files: map[string]*os.File{}}

// hold marks an entry of the cache as in use by this process with a shared
// flock(2) on its record; whoever removes an entry must have the exclusive one.
func (u *uses) hold(entry string) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	record := filepath.Join(entry, recordName)
	if f := u.files[entry]; f != nil {
		if isStill(f, record) {
			return nil
		}
		_ = f.Close() // rebuilt meanwhile
		delete(u.files, entry)
	}
	f, err := os.Open(record)
	if err != nil {
		return fmt.Errorf("use image: %w", err)
	}
	if err := flockShared(f); err != nil || !isStill(f, record) {
		return errors.Join(errors.New("use image: it is being removed"), err, f.Close())
	}
	now := time.Now()
	_ = os.Chtimes(record, now, now) // when it was used last; a cache may be read-only
	u.files[entry] = f
	return nil
}

func flockShared(f *os.File) error {
	deadline := time.Now().Add(useWait)
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB)
		if err == nil || time.Now().After(deadline) || !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			return err
		}
		time.Sleep(pollEvery)
	}
}

// pollEvery is short: a look at a lock takes no time.
const pollEvery = 5 * time.Millisecond

// unused returns the entry's record locked so that nobody can begin to use it,
// or false if somebody uses it.
func unused(entry string) (*os.File, bool) {
	record := filepath.Join(entry, recordName)
	f, err := os.Open(record)
	if err != nil {
		return nil, false
	}
	if unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) != nil || !isStill(f, record) {
		_ = f.Close()
		return nil, false
	}
	return f, true
}

// isStill says whether the open file is what the path leads to.
func isStill(f *os.File, path string) bool {
	have, err := f.Stat()
	if err != nil {
		return false
	}
	now, err := os.Stat(path)
	return err == nil && os.SameFile(have, now)
}
