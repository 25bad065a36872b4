package minicontainer

import (
	"fmt"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// privateProc opens a procfs of our own, which lies at no path: a write to it
// cannot be led elsewhere by whatever an image has at /proc (CVE-2025-52881).
func privateProc(s *setup) error {
	fs, err := unix.Fsopen("proc", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return fmt.Errorf("open procfs: %w", err)
	}
	defer unix.Close(fs)
	if err := unix.FsconfigCreate(fs); err != nil {
		return mountError(specs.Mount{Type: "proc", Destination: "a descriptor"}, err)
	}
	attributes := unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_NOEXEC
	if s.proc, err = unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, attributes); err != nil {
		return mountError(specs.Mount{Type: "proc", Destination: "a descriptor"}, err)
	}
	return nil
}

// writeProc writes to a file below the private procfs, such as
// "sys/net/ipv4/ip_forward" or "thread-self/attr/exec".
func (s *setup) writeProc(name, text string) error {
	fd, err := unix.Openat2(s.proc, name, &unix.OpenHow{
		Flags:   unix.O_WRONLY | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_MAGICLINKS | unix.RESOLVE_NO_XDEV,
	})
	if err != nil {
		return fmt.Errorf("open /proc/%s: %w", name, err)
	}
	defer unix.Close(fd)
	if _, err := unix.Write(fd, []byte(text)); err != nil {
		return fmt.Errorf("write /proc/%s: %w", name, err)
	}
	return nil
}
