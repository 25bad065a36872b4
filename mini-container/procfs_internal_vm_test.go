//go:build vmtest && linux

package minicontainer

import (
	"os"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// TestCVE_2025_52881: /proc has been covered by files of the image, so that a
// write lands in one of them. Ours must land in the kernel.
func TestCVE_2025_52881(t *testing.T) {
	result := make(chan error, 1)
	var real, fake string
	go func() {
		runtime.LockOSThread() // never unlocked: the thread dies here
		result <- func() error {
			if err := unix.Unshare(unix.CLONE_NEWNS | unix.CLONE_NEWUTS | unix.CLONE_FS); err != nil {
				return err
			}
			if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
				return err
			}
			s := &setup{}
			if err := privateProc(s); err != nil {
				return err
			}
			if err := unix.Mount("fake", "/proc", "tmpfs", 0, ""); err != nil {
				return err
			}
			if err := os.MkdirAll("/proc/sys/kernel", 0o755); err != nil {
				return err
			}
			if err := os.WriteFile("/proc/sys/kernel/domainname", []byte("untouched"), 0o644); err != nil {
				return err
			}
			if err := s.writeProc("sys/kernel/domainname", "written"); err != nil {
				return err
			}
			text, err := os.ReadFile("/proc/sys/kernel/domainname")
			fake = string(text)
			var uts unix.Utsname
			if err := unix.Uname(&uts); err != nil {
				return err
			}
			real = unix.ByteSliceToString(uts.Domainname[:])
			require.Error(t, s.writeProc("../etc/passwd", ""), "out of procfs")
			return err
		}()
	}()
	require.NoError(t, <-result)
	require.Equal(t, "untouched", fake)
	require.Equal(t, "written", real)
}
