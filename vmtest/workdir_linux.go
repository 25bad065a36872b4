package vmtest

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// workPrefix begins the names of all our temporary directories.
const workPrefix = "vmtest-work-"

// workDir is a temporary directory that is locked as long as its owner lives,
// so that the next run can tell what a killed one left behind.
type workDir struct {
	Path string
	lock *os.File
}

// newWorkDir makes a directory and removes those of dead runs.
func newWorkDir() (*workDir, error) {
	collect(os.TempDir())
	for {
		w, err := tryWorkDir()
		if err != nil {
			return nil, err
		}
		// Another run may have collected it between create and lock.
		if _, err := os.Stat(filepath.Join(w.Path, "lock")); err == nil {
			return w, nil
		}
		_ = w.lock.Close()
	}
}

func tryWorkDir() (*workDir, error) {
	path, err := os.MkdirTemp("", workPrefix)
	if err != nil {
		return nil, fmt.Errorf("make work directory: %w (TMPDIR names another place)", err)
	}
	lock, err := os.OpenFile(filepath.Join(path, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock work directory: %w", err)
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
		_ = lock.Close()
		return nil, fmt.Errorf("lock work directory: %w", err)
	}
	return &workDir{Path: path, lock: lock}, nil
}

// Close removes the directory.
func (w *workDir) Close() error {
	err := os.RemoveAll(w.Path)
	_ = w.lock.Close()
	if err != nil {
		return fmt.Errorf("remove work directory: %w", err)
	}
	return nil
}

// collect removes work directories whose owner is dead: those whose lock can
// be had. A directory without a lock file is being made right now.
func collect(temp string) {
	locks, _ := filepath.Glob(filepath.Join(temp, workPrefix+"*", "lock"))
	for _, path := range locks {
		lock, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			continue // not ours
		}
		if unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil {
			_ = os.RemoveAll(filepath.Dir(path))
		}
		_ = lock.Close()
	}
}
