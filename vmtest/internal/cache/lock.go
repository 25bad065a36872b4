package cache

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// lockPoll is the time between two looks at a lock that another process holds.
const lockPoll = 50 * time.Millisecond

// errHeld is a lock that another process holds.
var errHeld = errors.New("held by another process")

// Lock takes the exclusive lock of a file, which is made if need be, waiting for
// whoever holds it; waiting is called once if that takes time. Closing the file
// gives the lock back. When ctx ends, the error is its cause.
func Lock(ctx context.Context, file string, waiting func()) (*os.File, error) {
	for told := false; ; told = true {
		f, err := lock(file)
		if !errors.Is(err, errHeld) {
			return f, err
		}
		if !told && waiting != nil {
			waiting()
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(lockPoll):
		}
	}
}

// TryLock is Lock for who would rather not wait: nil without an error is held by
// another process.
func TryLock(file string) (*os.File, error) {
	f, err := lock(file)
	if errors.Is(err, errHeld) {
		return nil, nil
	}
	return f, err
}

func lock(file string) (*os.File, error) {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open lock: %w", err)
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	switch {
	case isBusy(err):
		err = errHeld
	case err != nil:
		err = fmt.Errorf("lock %s: %w", file, err)
	case !IsStill(f, file): // removed between open and lock
		err = errHeld
	default:
		return f, nil
	}
	return nil, errors.Join(err, f.Close())
}

// isBusy tells a lock that may be had later from one that never can.
func isBusy(err error) bool {
	return errors.Is(err, unix.EWOULDBLOCK) || errors.Is(err, unix.EINTR)
}

// IsStill says whether the open file is what the path leads to.
func IsStill(f *os.File, path string) bool {
	have, err := f.Stat()
	if err != nil {
		return false
	}
	now, err := os.Stat(path)
	return err == nil && os.SameFile(have, now)
}
