package minicontainer

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// dropCapabilities cuts all five sets of this thread down to the
// configuration: first the bounding set, while CAP_SETPCAP is still there,
// then ambient, then the other three at once; at last it adds what may stay
// ambient. A user that is not root gets that alone: an exec would take away
// the rest, and nothing is to be reported that will not be.
func dropCapabilities(s *setup) error {
	caps := *s.Spec.Process.Capabilities
	if s.account.UID != 0 {
		caps.Effective, caps.Permitted = caps.Ambient, caps.Ambient
	}
	var masks [4]uint64
	for i, names := range [][]string{caps.Bounding, caps.Effective, caps.Permitted, caps.Ambient} {
		var err error
		if masks[i], err = capMask(names); err != nil {
			return err
		}
	}
	if err := raiseEffective(); err != nil {
		return err
	}
	if err := dropBounding(masks[0]); err != nil {
		return err
	}
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
		return fmt.Errorf("clear ambient capabilities: %w", err)
	}
	if err := setCapabilities(masks[1], masks[2], masks[3]); err != nil {
		return err
	}
	return raiseAmbient(masks[3])
}

// raiseEffective makes all permitted capabilities effective again: becoming
// another user has taken that away.
func raiseEffective() error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return fmt.Errorf("read capabilities: %w", err)
	}
	for i := range data {
		data[i].Effective = data[i].Permitted
	}
	if err := unix.Capset(&header, &data[0]); err != nil {
		return fmt.Errorf("raise capabilities: %w", err)
	}
	return nil
}

func raiseAmbient(mask uint64) error {
	for bit := range uintptr(64) {
		if mask>>bit&1 == 0 {
			continue
		}
		if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_RAISE, bit, 0, 0); err != nil {
			return fmt.Errorf("make capability %d ambient (is it ours to give?): %w", bit, err)
		}
	}
	return nil
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

// setCapabilities leaves the inheritable set empty but for what will be
// ambient. What the caller does not have itself cannot be given: the masks are
// cut down to the permitted set.
func setCapabilities(effective, permitted, inheritable uint64) error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return fmt.Errorf("read capabilities: %w", err)
	}
	have := uint64(data[1].Permitted)<<32 | uint64(data[0].Permitted)
	permitted &= have
	effective &= permitted
	inheritable &= permitted
	for i := range data {
		shift := 32 * uint(i)
		data[i] = unix.CapUserData{Effective: uint32(effective >> shift), Permitted: uint32(permitted >> shift), Inheritable: uint32(inheritable >> shift)}
	}
	if err := unix.Capset(&header, &data[0]); err != nil {
		return fmt.Errorf("set capabilities: %w", err)
	}
	return nil
}
