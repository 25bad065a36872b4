package landlock

import (
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ErrUnsupported: this kernel has no Landlock, or it is switched off, or it
// is too old for what is asked of it.
var ErrUnsupported = errors.New("landlock is not to be had")

const (
	createVersion = 1 // LANDLOCK_CREATE_RULESET_VERSION
	rulePath      = 1 // LANDLOCK_RULE_PATH_BENEATH
	rulePort      = 2 // LANDLOCK_RULE_NET_PORT
)

// ABI asks the kernel which version of Landlock it has; 0 is none.
func ABI() int {
	version, _, errno := unix.RawSyscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, createVersion)
	if errno != 0 {
		return 0
	}
	return int(version)
}

// Apply restricts this thread, and all that it executes, to the rules. The
// thread needs no_new_privs or CAP_SYS_ADMIN.
func Apply(r Rules) error {
	if r.Empty() {
		return nil
	}
	abi := ABI()
	switch {
	case abi == 0:
		return fmt.Errorf("%w: it needs Linux 5.13 or newer, and \"landlock\" in /sys/kernel/security/lsm", ErrUnsupported)
	case abi < abiNetwork && r.network():
		return fmt.Errorf("%w for TCP ports: they need Linux 6.7 or newer (ABI %d, here it is %d)", ErrUnsupported, abiNetwork, abi)
	}
	ruleset, err := create(r, abi)
	if err != nil {
		return err
	}
	defer unix.Close(ruleset)
	if err := fill(ruleset, r, abi); err != nil {
		return err
	}
	if _, _, errno := unix.RawSyscall(unix.SYS_LANDLOCK_RESTRICT_SELF, uintptr(ruleset), 0, 0); errno != 0 {
		return fmt.Errorf("enforce landlock rules: %w", errno)
	}
	return nil
}

// create makes a ruleset that denies all that the rules are about.
func create(r Rules, abi int) (int, error) {
	var attr struct{ files, network uint64 }
	if r.files() {
		attr.files = handledFiles(abi)
	}
	size := unsafe.Sizeof(attr.files)
	if r.network() {
		attr.network = netBind | netConnect
		size = unsafe.Sizeof(attr)
	}
	fd, _, errno := unix.RawSyscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&attr)), size, 0)
	if errno != 0 {
		return -1, fmt.Errorf("create landlock ruleset: %w", errno)
	}
	return int(fd), nil
}

func fill(ruleset int, r Rules, abi int) error {
	for _, g := range r.grants(abi) {
		if err := allowPath(ruleset, g); err != nil {
			return err
		}
	}
	for right, ports := range map[uint64][]uint16{netBind: r.Bind, netConnect: r.Connect} {
		for _, port := range ports {
			if err := allowPort(ruleset, port, right); err != nil {
				return err
			}
		}
	}
	return nil
}

// pathBeneath is struct landlock_path_beneath_attr. The kernel's is packed;
// so is this one up to its end, which is all that the kernel reads.
type pathBeneath struct {
	rights uint64
	fd     int32
}

func allowPath(ruleset int, g grant) error {
	fd, err := unix.Open(g.path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open %s for landlock: %w", g.path, err)
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return fmt.Errorf("stat %s for landlock: %w", g.path, err)
	}
	attr := pathBeneath{rights: g.rights, fd: int32(fd)}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		attr.rights &= onFile
	}
	return addRule(ruleset, rulePath, unsafe.Pointer(&attr), g.path)
}

func allowPort(ruleset int, port uint16, right uint64) error {
	attr := struct{ rights, port uint64 }{right, uint64(port)}
	return addRule(ruleset, rulePort, unsafe.Pointer(&attr), fmt.Sprintf("port %d", port))
}

func addRule(ruleset, kind int, attr unsafe.Pointer, what string) error {
	_, _, errno := unix.RawSyscall6(unix.SYS_LANDLOCK_ADD_RULE, uintptr(ruleset), uintptr(kind), uintptr(attr), 0, 0, 0)
	if errno != 0 {
		return fmt.Errorf("add landlock rule for %s: %w", what, errno)
	}
	return nil
}
