package connsnoop

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// TestErrnoNames compares the table with the kernel's numbers.
func TestErrnoNames(t *testing.T) {
	for number, name := range errnoNames {
		if number == 512 || number == 95 { // no user sees it; has two names
			continue
		}
		require.Equal(t, unix.ErrnoName(unix.Errno(number)), name)
	}
	require.Empty(t, Errno(77).Name())
}

func TestErrnoResult(t *testing.T) {
	for errno, want := range map[unix.Errno]Result{
		0: ResultOK, unix.ECONNREFUSED: ResultRefused, unix.ETIMEDOUT: ResultTimeout,
		unix.ECONNRESET: ResultReset, unix.EPIPE: ResultReset,
		unix.ENETUNREACH: ResultUnreachable, unix.EHOSTUNREACH: ResultUnreachable,
		unix.ECONNABORTED: ResultAborted, unix.EINTR: ResultAborted,
		unix.EADDRNOTAVAIL: ResultError, unix.EPERM: ResultError,
	} {
		require.Equal(t, want, Errno(errno).Result(), errno)
		require.True(t, slices.Contains(Results(), want))
	}
}
