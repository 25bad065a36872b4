package state

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// lockNew opens path, making it if it must, and waits for its lock. Closing
// the file unlocks it; so does the death of the process.
func lockNew(path string) (*os.File, error) {
	f, _, err := lockFile(path, unix.O_CREAT, true)
	return f, err
}

// lockFile opens path and locks it. With wait false ok tells whether the lock
// was free.
func lockFile(path string, flags int, wait bool) (f *os.File, ok bool, err error) {
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_CLOEXEC|unix.O_NOFOLLOW|flags, 0o600)
	if err != nil {
		return nil, false, fmt.Errorf("open lock: %w", err)
	}
	f = os.NewFile(uintptr(fd), path)
	ok, err = flock(f, wait)
	if err != nil || !ok {
		f.Close()
		return nil, false, err
	}
	return f, true, nil
}

func flock(f *os.File, wait bool) (bool, error) {
	how := unix.LOCK_EX
	if !wait {
		how |= unix.LOCK_NB
	}
	for {
		err := unix.Flock(int(f.Fd()), how)
		switch {
		case err == nil:
			return true, nil
		case errors.Is(err, unix.EWOULDBLOCK):
			return false, nil
		case !errors.Is(err, unix.EINTR):
			return false, fmt.Errorf("lock: %w", err)
		}
	}
}

// checkOwned refuses a directory that somebody else could have prepared.
func checkOwned(path string) error {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return fmt.Errorf("check state directory: %w", err)
	}
	switch {
	case st.Mode&unix.S_IFMT != unix.S_IFDIR:
		return fmt.Errorf("check state directory %s: not a directory", path)
	case int(st.Uid) != os.Geteuid():
		return fmt.Errorf("check state directory %s: it belongs to user %d", path, st.Uid)
	case st.Mode&0o022 != 0:
		return fmt.Errorf("check state directory %s: others may write to it", path)
	}
	return nil
}
