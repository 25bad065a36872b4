package guest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// devLinks are the links that udev would make.
var devLinks = [][2]string{
	{"/proc/self/fd", "/dev/fd"},
	{"fd/0", "/dev/stdin"},
	{"fd/1", "/dev/stdout"},
	{"fd/2", "/dev/stderr"},
}

// furnish is stage 2: the root disk becomes what the contract says.
func (m *machine) furnish() error {
	// As on a host with systemd: a container that forgets to make its mounts
	// private must be seen to leak them.
	if err := m.kernel.Mount("", "/", "", unix.MS_REC|unix.MS_SHARED, ""); err != nil {
		return fmt.Errorf("share mounts: %w", err)
	}
	m.warn(m.mountDisk(modulesDisk, modulesDisk.Target, optionalWait))
	if err := m.withoutAutoload(func() error { return m.mountAll(lateMounts) }); err != nil {
		return err
	}
	if err := m.linkDevices(); err != nil {
		return err
	}
	m.enableControllers()
	m.applySysctls()
	m.warn(m.kernel.LimitOpenFiles(openFilesSoft, openFilesHard))
	if err := m.kernel.Sethostname(Hostname); err != nil {
		return fmt.Errorf("set hostname: %w", err)
	}
	if err := m.kernel.LinkUp("lo"); err != nil {
		return fmt.Errorf("bring up lo: %w", err)
	}
	return nil
}

// withoutAutoload does work while the kernel cannot call modprobe(8). Mounting
// bpffs would load bpf_preload, which runs a program to put two iterators
// there: a tenth of the whole boot for something that nobody here looks at.
func (m *machine) withoutAutoload(work func() error) error {
	path := m.path("/proc/sys/kernel/modprobe")
	program, err := os.ReadFile(path)
	if err != nil {
		m.warn(fmt.Errorf("read module loader: %w", err))
		return work()
	}
	m.warn(writeRaw(path, "\n"))
	defer func() { m.warn(writeRaw(path, string(program))) }()
	return work()
}

func (m *machine) mountAll(mounts []Mount) error {
	known := knownFilesystems(m.path("/proc"))
	for _, mount := range mounts {
		if !mount.Required && !known[mount.Type] {
			m.warn(fmt.Errorf("mount %s: not built into this kernel", mount.Type))
			continue
		}
		if err := m.mount(mount); err != nil {
			if mount.Required {
				return err
			}
			m.warn(err)
		}
	}
	return nil
}

// knownFilesystems reads /proc/filesystems: "nodev\tproc" or "\text4".
func knownFilesystems(procRoot string) map[string]bool {
	known := map[string]bool{}
	data, _ := os.ReadFile(filepath.Join(procRoot, "filesystems"))
	for line := range strings.Lines(string(data)) {
		if fields := strings.Fields(line); len(fields) > 0 {
			known[fields[len(fields)-1]] = true
		}
	}
	return known
}

// linkDevices makes what udev would make: the standard streams, and disks by
// serial so that nobody depends on the order of letters.
func (m *machine) linkDevices() error {
	links := append([][2]string{}, devLinks...)
	for _, disk := range Disks() {
		if name := findDisk(m.path("/sys"), disk.Serial); name != "" {
			links = append(links, [2]string{"../../" + name, "/dev/disk/by-id/virtio-" + disk.Serial})
		}
	}
	for _, link := range links {
		path := m.path(link[1])
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return fmt.Errorf("link %s: %w", link[1], err)
		}
		if err := os.Symlink(link[0], path); err != nil && !os.IsExist(err) {
			return fmt.Errorf("link device: %w", err)
		}
	}
	return nil
}

// enableControllers turns on every cgroup controller for the root's children,
// each by a write of its own: one that the kernel refuses must not take the
// others with it.
func (m *machine) enableControllers() {
	const dir = "/sys/fs/cgroup"
	data, err := os.ReadFile(m.path(dir + "/cgroup.controllers"))
	if err != nil {
		m.warn(fmt.Errorf("read controllers: %w", err))
		return
	}
	for _, name := range strings.Fields(string(data)) {
		if err := writeRaw(m.path(dir+"/cgroup.subtree_control"), "+"+name); err != nil {
			m.warn(fmt.Errorf("enable controller %s: %w", name, err))
		}
	}
}

// applySysctls ends each value with a newline, which printk_devkmsg insists on.
// What is set already stays: the kernel's command line may have locked it.
func (m *machine) applySysctls() {
	for _, s := range sysctls {
		path := "/proc/sys/" + strings.ReplaceAll(s.Name, ".", "/")
		if data, err := os.ReadFile(m.path(path)); err == nil && strings.TrimSpace(string(data)) == s.Value {
			continue
		}
		if err := writeRaw(m.path(path), s.Value+"\n"); err != nil {
			m.warn(fmt.Errorf("set sysctl %s: %w", s.Name, err))
		}
	}
}

// writeRaw writes a kernel interface file in one write(2) on a blocking
// descriptor; os.File would set O_NONBLOCK, which cgroup files give a meaning.
func writeRaw(path, value string) error {
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	_, err = unix.Write(fd, []byte(value))
	return err
}
