package seccomp

import (
	"errors"
	"fmt"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// Return values of a filter, see seccomp(2). The kernel compares them as
// signed numbers: the smaller, the stricter.
const (
	retKillProcess = 0x80000000
	retKillThread  = 0x00000000
	retTrap        = 0x00030000
	retErrno       = 0x00050000
	retTrace       = 0x7ff00000
	retLog         = 0x7ffc0000
	retAllow       = 0x7fff0000
	retActionMask  = 0xffff0000
)

const (
	errnoEPERM  = 1
	errnoENOSYS = 38
	errnoLimit  = 4095 // MAX_ERRNO: the kernel cuts off what is above
)

// actionCode is the return value for an action. A number is only of use to
// two of them; without one it is EPERM.
func actionCode(action specs.LinuxSeccompAction, number *uint) (uint32, error) {
	data := uint32(errnoEPERM)
	if number != nil {
		if *number > errnoLimit {
			return 0, fmt.Errorf("seccomp errno %d is over %d", *number, errnoLimit)
		}
		data = uint32(*number)
	}
	switch action {
	case specs.ActKill, specs.ActKillThread:
		return retKillThread, nil
	case specs.ActKillProcess:
		return retKillProcess, nil
	case specs.ActTrap:
		return retTrap, nil
	case specs.ActErrno:
		return retErrno | data, nil
	case specs.ActTrace:
		return retTrace | data, nil
	case specs.ActLog:
		return retLog, nil
	case specs.ActAllow:
		return retAllow, nil
	case specs.ActNotify:
		return 0, errors.New("seccomp action SCMP_ACT_NOTIFY needs an agent that answers; not supported")
	}
	return 0, fmt.Errorf("unknown seccomp action %q", action)
}

func stricter(a, b uint32) bool { return int32(a) < int32(b) }

// permissive: calls that the profile does not know get through, or to a
// tracer that will know what to say. There is nothing for ENOSYS to mend.
func permissive(action uint32) bool {
	switch action & retActionMask {
	case retAllow, retLog, retTrace:
		return true
	}
	return false
}
