package minicontainer

import (
	"fmt"
	"path"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// makeDevices puts the device nodes into the new /dev. mknod(2) of a device is
// refused in every user namespace but the first, so there the host's node is
// bound over an empty file instead.
func makeDevices(s *setup) error {
	place := makeNode
	if hasNamespace(s.Spec, specs.UserNamespace) {
		place = bindNode
	}
	old := unix.Umask(0)
	defer unix.Umask(old)
	for _, device := range s.Spec.Linux.Devices {
		dir, err := ensureDir(s.root, path.Dir(device.Path))
		if err != nil {
			return err
		}
		err = place(dir, device)
		unix.Close(dir)
		if err != nil {
			return err
		}
	}
	return nil
}

func makeNode(dir int, device specs.LinuxDevice) error {
	number := unix.Mkdev(uint32(device.Major), uint32(device.Minor))
	if err := unix.Mknodat(dir, path.Base(device.Path), unix.S_IFCHR|0o666, int(number)); err != nil {
		return fmt.Errorf("create %s: %w", device.Path, err)
	}
	return nil
}

func bindNode(dir int, device specs.LinuxDevice) error {
	host, err := unix.Open(device.Path, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open the host's %s: %w", device.Path, err)
	}
	defer unix.Close(host)
	if err := checkDevice(host, device); err != nil {
		return err
	}
	flags := unix.O_CREAT | unix.O_EXCL | unix.O_RDONLY | unix.O_NOFOLLOW | unix.O_CLOEXEC
	file, err := unix.Openat(dir, path.Base(device.Path), flags, 0o666)
	if err != nil {
		return fmt.Errorf("create %s: %w", device.Path, err)
	}
	defer unix.Close(file)
	if err := unix.Mount(procFD(host), procFD(file), "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("bind %s: %w", device.Path, err)
	}
	return nil
}

// checkDevice makes sure that fd is the device it is called.
func checkDevice(fd int, device specs.LinuxDevice) error {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return fmt.Errorf("stat %s: %w", device.Path, err)
	}
	want := unix.Mkdev(uint32(device.Major), uint32(device.Minor))
	if st.Mode&unix.S_IFMT != unix.S_IFCHR || st.Rdev != want {
		return fmt.Errorf("check %s: not character device %d:%d", device.Path, device.Major, device.Minor)
	}
	return nil
}

// deviceLinks are the usual links; ptmx leads to this container's own devpts.
var deviceLinks = []struct{ name, target string }{
	{"fd", "/proc/self/fd"},
	{"stdin", "/proc/self/fd/0"},
	{"stdout", "/proc/self/fd/1"},
	{"stderr", "/proc/self/fd/2"},
	{"ptmx", "pts/ptmx"},
}

func linkDevices(s *setup) error {
	dev, err := ensureDir(s.root, "/dev")
	if err != nil {
		return err
	}
	defer unix.Close(dev)
	for _, link := range deviceLinks {
		if err := unix.Symlinkat(link.target, dev, link.name); err != nil {
			return fmt.Errorf("link /dev/%s: %w", link.name, err)
		}
	}
	return nil
}
