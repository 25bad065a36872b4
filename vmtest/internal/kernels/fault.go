package kernels

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
)

// errOffline is a mirror that cannot be reached at all: other packages of it
// need not be tried.
var errOffline = errors.New("mirror cannot be reached")

// offlineSigns are what apt's methods print when there is no way to a host.
var offlineSigns = []string{
	"Could not resolve", "Temporary failure resolving", "Could not connect", "Unable to connect",
	"Cannot initiate the connection", "Connection failed", "Connection timed out", "Network is unreachable",
}

// aptError marks an error of apt with the causes that callers branch on. The
// text stays apt's.
func aptError(err error) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	if strings.Contains(text, "No space left on device") || strings.Contains(text, "enough free space") {
		return mark(err, syscall.ENOSPC)
	}
	for _, sign := range offlineSigns {
		if strings.Contains(text, sign) {
			return mark(err, errOffline)
		}
	}
	return err
}

// marked is an error that also is its cause, without saying it twice.
type marked struct{ err, cause error }

func mark(err, cause error) error { return marked{err, cause} }
func (m marked) Error() string    { return m.err.Error() }
func (m marked) Unwrap() []error  { return []error{m.err, m.cause} }
func isFull(err error) bool       { return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) }
func isReadOnly(err error) bool {
	return errors.Is(err, syscall.EROFS) || errors.Is(err, fs.ErrPermission)
}

// cacheFault explains an error of writing the cache in dir; need is about how
// many bytes the work takes, 0 when that is not known.
func cacheFault(dir string, need int64, err error) error {
	const remedy = "choose another directory with VMTEST_CACHE"
	switch {
	case err == nil:
		return nil
	case isFull(err) && need > 0:
		return fmt.Errorf("write kernel cache %s: no space left, about %d bytes needed; free some or %s: %w", dir, need, remedy, err)
	case isFull(err):
		return fmt.Errorf("write kernel cache %s: no space left; free some or %s: %w", dir, remedy, err)
	case isReadOnly(err):
		return fmt.Errorf("write kernel cache %s: not writable; %s: %w", dir, remedy, err)
	}
	return err
}
