package minicontainer

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"namespaces-cgroups-ebpf/internal/exitcode"
	"namespaces-cgroups-ebpf/mini-container/internal/network"
)

func setHostname(s *setup) error {
	if err := unix.Sethostname([]byte(s.Spec.Hostname)); err != nil {
		return fmt.Errorf("set host name: %w", err)
	}
	return nil
}

// wantsLoopback: the host's lo is the host's to set up.
func wantsLoopback(s *setup) bool {
	return hasNamespace(s.Spec, specs.NetworkNamespace) && s.Extra.Network.Mode != network.None
}

// loopbackUp: a new network namespace has one interface, and it is down.
func loopbackUp(*setup) error {
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open socket: %w", err)
	}
	defer unix.Close(socket)
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		return fmt.Errorf("name lo: %w", err)
	}
	lo.SetUint16(unix.IFF_UP | unix.IFF_LOOPBACK)
	if err := unix.IoctlIfreq(socket, unix.SIOCSIFFLAGS, lo); err != nil {
		return fmt.Errorf("set lo up: %w", err)
	}
	return nil
}

// enterWorkdir also asks where that was: a directory reached through a leaked
// descriptor lies outside the root (CVE-2024-21626), and getcwd(2) then
// answers "(unreachable)/...".
func enterWorkdir(s *setup) error {
	dir := s.Spec.Process.Cwd
	if err := unix.Chdir(dir); err != nil {
		return exitcode.With(exitcode.Usage, fmt.Errorf("enter working directory %s: %w", dir, err))
	}
	buffer := make([]byte, unix.PathMax)
	if _, err := unix.Getcwd(buffer); err != nil {
		return fmt.Errorf("read working directory: %w", err)
	}
	if cwd := unix.ByteSliceToString(buffer); !filepath.IsAbs(cwd) {
		return fmt.Errorf("enter working directory %s: it lies outside the container", dir)
	}
	return nil
}

func noNewPrivs(s *setup) error {
	if !s.Spec.Process.NoNewPrivileges {
		return nil
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("set no_new_privs: %w", err)
	}
	return nil
}

// ownKeyring: keys belong to no namespace that a container has of its own. A
// kernel without keys, or a sandbox around us that forbids them, forbids them
// inside as well.
func ownKeyring(*setup) error {
	_, err := unix.KeyctlInt(unix.KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0, 0)
	switch {
	case errors.Is(err, unix.ENOSYS), errors.Is(err, unix.EPERM):
		return nil
	case errors.Is(err, unix.EDQUOT):
		return exitcode.With(exitcode.Unsupported, fmt.Errorf("begin session keyring: %w (this user has kernel.keys.maxkeys of them)", err))
	case err != nil:
		return fmt.Errorf("begin session keyring: %w", err)
	}
	return nil
}

// armParentDeath again: the kernel forgets it when credentials change.
func armParentDeath(*setup) error {
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
		return fmt.Errorf("set parent-death signal: %w", err)
	}
	return nil
}

// closeOnExec leaves the command nothing but its three standard streams.
func closeOnExec(*setup) error {
	err := unix.CloseRange(configFD, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) {
		closeOnExecEach() // 5.10 has no CLOSE_RANGE_CLOEXEC
		return nil
	}
	if err != nil {
		return fmt.Errorf("mark descriptors: %w", err)
	}
	return nil
}

// closeOnExecEach does not ask /proc which descriptors there are: in a
// container that is joined it could lie. There are few, from the lowest number
// on; many that are not open mean that none follows.
func closeOnExecEach() {
	const gap = 256
	for fd, last := configFD, configFD; fd < last+gap; fd++ {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETFD, unix.FD_CLOEXEC); err == nil {
			last = fd
		}
	}
}
