package minicontainer

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// dropCapabilities cuts all five sets of this thread down to the
// configuration: first the bounding set, while CAP_SETPCAP is still there,
// then ambient, then the other three at once.
func dropCapabilities(s *setup) error {
	caps := s.Spec.Process.Capabilities
	bounding, err := capMask(caps.Bounding)
	if err != nil {
		return err
	}
	if err := dropBounding(bounding); err != nil {
		return err
	}
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
		return fmt.Errorf("clear ambient capabilities: %w", err)
	}
	effective, err := capMask(caps.Effective)
	if err != nil {
		return err
	}
	permitted, err := capMask(caps.Permitted)
	if err != nil {
		return err
	}
	return setCapabilities(effective, permitted)
}

// dropBounding drops what is not in keep. The kernel says EINVAL to the first
// number that it has no capability for.
func dropBounding(keep uint64) error {
	for bit := uint(0); bit < 64; bit++ {
		_, err := unix.PrctlRetInt(unix.PR_CAPBSET_READ, uintptr(bit), 0, 0, 0)
		if errors.Is(err, unix.EINVAL) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read bounding set: %w", err)
		}
		if keep>>bit&1 == 1 {
			continue
		}
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, uintptr(bit), 0, 0, 0); err != nil {
			return fmt.Errorf("drop capability %d from bounding set: %w", bit, err)
		}
	}
	return nil
}

// setCapabilities leaves the inheritable set empty. What the caller does not
// have itself cannot be given: the masks are cut down to the permitted set.
func setCapabilities(effective, permitted uint64) error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return fmt.Errorf("read capabilities: %w", err)
	}
	have := uint64(data[1].Permitted)<<32 | uint64(data[0].Permitted)
	permitted &= have
	effective &= permitted
	for i := range data {
		shift := 32 * uint(i)
		data[i] = unix.CapUserData{Effective: uint32(effective >> shift), Permitted: uint32(permitted >> shift)}
	}
	if err := unix.Capset(&header, &data[0]); err != nil {
		return fmt.Errorf("set capabilities: %w", err)
	}
	return nil
}
