package minicontainer

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

func wantsTerminal(s *setup) bool { return s.Spec.Process.Terminal }

// ownTerminal makes a terminal of the container's devpts its own, and sends
// the other end to the supervisor over what is standard input until then.
func ownTerminal(s *setup) error {
	master, err := openMaster("/dev/pts/ptmx")
	if err != nil {
		return err
	}
	defer unix.Close(master)
	if err := unix.IoctlSetPointerInt(master, unix.TIOCSPTLCK, 0); err != nil {
		return fmt.Errorf("unlock terminal: %w", err)
	}
	// By descriptor: /dev/pts/0 could be anything by now (CVE-2025-52565).
	peer, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(master), unix.TIOCGPTPEER, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC)
	if errno != 0 {
		return fmt.Errorf("open terminal: %w", errno)
	}
	slave := int(peer)
	defer unix.Close(slave)
	if err := s.prepareTerminal(master, slave); err != nil {
		return err
	}
	if err := unix.Sendmsg(0, []byte{0}, unix.UnixRights(master), nil, 0); err != nil {
		return fmt.Errorf("send terminal: %w", err)
	}
	for fd := range configFD {
		if err := unix.Dup3(slave, fd, 0); err != nil {
			return fmt.Errorf("make terminal a standard stream: %w", err)
		}
	}
	if err := unix.IoctlSetInt(0, unix.TIOCSCTTY, 0); err != nil {
		return fmt.Errorf("make terminal the controlling one: %w", err)
	}
	return nil
}

// prepareTerminal gives the terminal its size and owner, and the container a
// /dev/console. Whoever joins has a terminal, but is not the console.
func (s *setup) prepareTerminal(master, slave int) error {
	if box := s.Spec.Process.ConsoleSize; box != nil {
		size := &unix.Winsize{Row: uint16(box.Height), Col: uint16(box.Width)}
		if err := unix.IoctlSetWinsize(master, unix.TIOCSWINSZ, size); err != nil {
			return fmt.Errorf("set size of terminal: %w", err)
		}
	}
	// It is the user's and nobody else's: the command may open it by name.
	if uid := int(s.account.UID); uid != 0 {
		if err := unix.Fchown(slave, uid, -1); err != nil {
			return fmt.Errorf("give terminal to user %d: %w", uid, err)
		}
	}
	if s.Extra.Join {
		return nil
	}
	return bindConsole(slave)
}

// bindConsole puts the terminal at /dev/console, both by descriptor: either
// name could lead elsewhere by now (CVE-2025-52565).
func bindConsole(slave int) error {
	root, err := unix.Open("/", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open root directory: %w", err)
	}
	defer unix.Close(root)
	dev, err := ensureDir(root, "/dev")
	if err != nil {
		return err
	}
	defer unix.Close(dev)
	file, err := unix.Openat(dev, "console", unix.O_CREAT|unix.O_EXCL|unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return fmt.Errorf("create /dev/console: %w", err)
	}
	defer unix.Close(file)
	tree, err := unix.OpenTree(slave, "", unix.AT_EMPTY_PATH|unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
	if err != nil {
		return fmt.Errorf("copy mount of terminal: %w", err)
	}
	defer unix.Close(tree)
	if err := unix.MoveMount(tree, "", file, "", unix.MOVE_MOUNT_F_EMPTY_PATH|unix.MOVE_MOUNT_T_EMPTY_PATH); err != nil {
		return fmt.Errorf("mount terminal on /dev/console: %w", err)
	}
	return nil
}

// openMaster opens ptmx if it is the real one: the image, or another process
// of the container, may have put something else there.
func openMaster(path string) (int, error) {
	const ptmx = 5<<8 | 2 // as unix.Mkdev makes it
	fd, err := unix.Openat2(unix.AT_FDCWD, path, &unix.OpenHow{
		Flags: unix.O_RDWR | unix.O_NOCTTY | unix.O_CLOEXEC, Resolve: unix.RESOLVE_NO_SYMLINKS,
	})
	if err != nil {
		return -1, fmt.Errorf("open %s: %w", path, err)
	}
	var st unix.Stat_t
	var fs unix.Statfs_t
	err = errors.Join(unix.Fstat(fd, &st), unix.Fstatfs(fd, &fs))
	if err == nil && (fs.Type != unix.DEVPTS_SUPER_MAGIC || st.Mode&unix.S_IFMT != unix.S_IFCHR || st.Rdev != ptmx) {
		err = errors.New("it is not the master of a devpts")
	}
	if err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("open %s: %w", path, err)
	}
	return fd, nil
}
