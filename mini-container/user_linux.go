package minicontainer

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"unsafe"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"namespaces-cgroups-ebpf/internal/exitcode"
	"namespaces-cgroups-ebpf/mini-container/internal/account"
)

// findUser decides as whom the command will run. Names are those of the
// container: it comes after the pivot.
func findUser(s *setup) error {
	user := s.Spec.Process.User
	s.account = account.Account{UID: user.UID, GID: user.GID, Groups: user.AdditionalGids}
	if s.Extra.User == "" {
		return nil
	}
	found, err := lookUpUser(s.Extra.User)
	if err != nil {
		return exitcode.With(exitcode.Usage, err)
	}
	s.account = found
	if lookupEnv(s.Spec.Process.Env, "HOME") == "" {
		s.Spec.Process.Env = mergeEnv(s.Spec.Process.Env, []string{"HOME=" + orDefault(found.Home, "/")})
	}
	return nil
}

func lookUpUser(text string) (account.Account, error) {
	request, err := account.Parse(text)
	if err != nil {
		return account.Account{}, err
	}
	passwd, err := openAccounts("/etc/passwd")
	if err != nil {
		return account.Account{}, err
	}
	defer passwd.Close()
	group, err := openAccounts("/etc/group")
	if err != nil {
		return account.Account{}, err
	}
	defer group.Close()
	return request.Resolve(io.LimitReader(passwd, maxAccounts), io.LimitReader(group, maxAccounts))
}

// maxAccounts bounds what is read of a file that the image brings, in bytes.
const maxAccounts = 16 << 20

// openAccounts opens a regular file only: a pipe would hold us up for ever. A
// file that is not there has no entries.
func openAccounts(name string) (*os.File, error) {
	fd, err := unix.Openat2(unix.AT_FDCWD, name, &unix.OpenHow{
		Flags: unix.O_RDONLY | unix.O_NONBLOCK | unix.O_NOCTTY | unix.O_CLOEXEC, Resolve: unix.RESOLVE_NO_MAGICLINKS,
	})
	if errors.Is(err, unix.ENOENT) {
		fd, err = unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		return os.NewFile(uintptr(fd), name), err
	}
	if err != nil {
		return nil, fmt.Errorf("open %s in container: %w", name, err)
	}
	file := os.NewFile(uintptr(fd), name)
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
		file.Close()
		return nil, fmt.Errorf("open %s in container: not a regular file", name)
	}
	return file, nil
}

// setGroups sets the supplementary groups of this thread. In a user namespace
// with one group setgroups(2) is denied, see mapIDs.
func setGroups(s *setup) error {
	groups := s.account.Groups
	if hasNamespace(s.Spec, specs.UserNamespace) && !setgroupsAllowed(s.Spec) {
		if len(groups) > 0 {
			return exitcode.With(exitcode.Usage, errors.New("set supplementary groups: the user namespace maps one group only"))
		}
		return nil
	}
	var first unsafe.Pointer
	if len(groups) > 0 {
		first = unsafe.Pointer(&groups[0])
	}
	_, _, errno := unix.RawSyscall(unix.SYS_SETGROUPS, uintptr(len(groups)), uintptr(first), 0)
	runtime.KeepAlive(groups)
	if errno != 0 {
		return fmt.Errorf("set supplementary groups: %w", errno)
	}
	return nil
}

func notRoot(s *setup) bool { return s.account.UID != 0 || s.account.GID != 0 }

// becomeUser changes the ids of this thread and keeps its capabilities: the
// next step cuts those down.
func becomeUser(s *setup) error {
	if err := unix.Prctl(unix.PR_SET_KEEPCAPS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("keep capabilities: %w", err)
	}
	gid, uid := uintptr(s.account.GID), uintptr(s.account.UID)
	if _, _, errno := unix.RawSyscall(unix.SYS_SETRESGID, gid, gid, gid); errno != 0 {
		return becomeError("group", s.account.GID, errno)
	}
	if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, uid, uid, uid); errno != 0 {
		return becomeError("user", s.account.UID, errno)
	}
	if err := unix.Prctl(unix.PR_SET_KEEPCAPS, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("stop keeping capabilities: %w", err)
	}
	return nil
}

func becomeError(what string, id uint32, errno unix.Errno) error {
	err := fmt.Errorf("become %s %d: %w", what, id, errno)
	if errors.Is(errno, unix.EINVAL) {
		return exitcode.With(exitcode.Usage, fmt.Errorf("%w (the user namespace does not map it)", err))
	}
	return err
}
