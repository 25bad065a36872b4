package cgroupfs

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// pollEvery is how often a wait looks again; cgroup.events changes at once
// when the last process is gone.
const pollEvery = 5 * time.Millisecond

// Remove kills everything in the cgroup and below it, waits until no process
// is left, and removes the directories, deepest first. A cgroup that is not
// there is no error. It gives up after timeout, naming what still lives.
func Remove(dir string, timeout time.Duration) error {
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	deadline := time.Now().Add(timeout)
	if err := killUntilEmpty(dir, deadline); err != nil {
		return fmt.Errorf("remove cgroup %s: %w", dir, err)
	}
	if err := walkUp(dir, func(dir string) error { return rmdir(dir, deadline) }); err != nil {
		return fmt.Errorf("remove cgroup %s: %w", dir, err)
	}
	return nil
}

// killUntilEmpty kills again on every turn: without cgroup.kill (before 5.14)
// a fork that was under way can slip through one round.
func killUntilEmpty(dir string, deadline time.Time) error {
	for {
		err := Kill(dir)
		if err != nil {
			return ignoreRemoved(dir, err)
		}
		full, err := Populated(dir)
		if err != nil || !full {
			return ignoreRemoved(dir, err)
		}
		if time.Now().After(deadline) {
			pids, _ := procsBelow(dir)
			return fmt.Errorf("wait for processes to end: %v still there: %w", pids, unix.ETIMEDOUT)
		}
		time.Sleep(pollEvery)
	}
}

// ignoreRemoved drops err if somebody else removed the cgroup meanwhile. The
// root cgroup has no cgroup.events either, so the errno alone does not tell.
func ignoreRemoved(dir string, err error) error {
	if _, statErr := os.Stat(dir); errors.Is(statErr, os.ErrNotExist) {
		return nil
	}
	return err
}

// rmdir retries EBUSY: a dying process leaves its cgroup a moment after it
// has ceased to count as populated, and another may have entered since the
// last one was gone, which is killed too.
func rmdir(dir string, deadline time.Time) error {
	for {
		err := unix.Rmdir(dir)
		if !errors.Is(err, unix.EBUSY) || time.Now().After(deadline) {
			return err
		}
		if err := Kill(dir); err != nil {
			return ignoreRemoved(dir, err)
		}
		time.Sleep(pollEvery)
	}
}
