package guest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

const (
	newRoot = "/newroot"
	// deviceWait bounds the wait for a device that must come. Slow emulation
	// needs about 0.1 s.
	deviceWait = 15 * time.Second
	// optionalWait bounds the wait for one that may be absent: it is found by
	// the same bus scan as the root disk, so it is there already or never.
	optionalWait = 500 * time.Millisecond
)

// machine brings the guest up and down.
type machine struct {
	kernel kernel
	// root is put before every path: "" in a guest, a directory in tests.
	root     string
	warnings []string
	wait     time.Duration
}

func newMachine(k kernel, root string) *machine {
	return &machine{kernel: k, root: root, wait: deviceWait}
}

func (m *machine) path(p string) string { return m.root + p }

// warn notes an optional part that this kernel lacks; the host gets it in Hello.
func (m *machine) warn(err error) {
	if err != nil {
		m.warnings = append(m.warnings, err.Error())
	}
}

// enterRoot is stage 1: from the initramfs to the root disk.
func (m *machine) enterRoot() error {
	for _, mount := range earlyMounts {
		if err := m.mount(mount); err != nil {
			return err
		}
	}
	if err := m.loadModules("/modules"); err != nil {
		return err
	}
	if err := m.mountDisk(rootDisk, newRoot, m.wait); err != nil {
		return err
	}
	return m.switchRoot()
}

// mount makes one mount of the table, with its fallback.
func (m *machine) mount(mount Mount) error {
	target := mount.Target
	if err := os.MkdirAll(m.path(target), 0o755); err != nil {
		return fmt.Errorf("mount %s: %w", target, err)
	}
	flags, data := parseOptions(mount.Options)
	err := m.kernel.Mount(mount.Source, m.path(target), mount.Type, flags, data)
	if errors.Is(err, unix.EINVAL) && mount.Fallback != "" {
		flags, data = parseOptions(mount.Fallback)
		err = m.kernel.Mount(mount.Source, m.path(target), mount.Type, flags, data)
	}
	if err != nil {
		return fmt.Errorf("mount %s on %s: %w", mount.Type, target, err)
	}
	return nil
}

// loadModules loads NN-name.ko in the order of their names and removes them:
// the initramfs is memory. One that is loaded already is fine.
func (m *machine) loadModules(dir string) error {
	files, err := filepath.Glob(m.path(dir) + "/*.ko")
	if err != nil {
		return fmt.Errorf("list modules: %w", err)
	}
	slices.Sort(files)
	for _, file := range files {
		if err := m.kernel.LoadModule(file); err != nil && !errors.Is(err, unix.EEXIST) {
			return fmt.Errorf("load module %s: %w", filepath.Base(file), err)
		}
		if err := os.Remove(file); err != nil {
			return fmt.Errorf("free module: %w", err)
		}
	}
	return nil
}

// mountDisk mounts the ext4 file system of the disk with this serial.
func (m *machine) mountDisk(disk Disk, target string, wait time.Duration) error {
	name, err := await("disk "+disk.Serial, wait, func() string { return findDisk(m.path("/sys"), disk.Serial) })
	if err != nil {
		return err
	}
	if err := os.MkdirAll(m.path(target), 0o755); err != nil {
		return fmt.Errorf("mount disk %s: %w", disk.Serial, err)
	}
	flags, data := parseOptions(disk.Options)
	if err := m.kernel.Mount("/dev/"+name, m.path(target), "ext4", flags, data); err != nil {
		return fmt.Errorf("mount disk %s on %s: %w", disk.Serial, target, err)
	}
	return nil
}

// switchRoot moves the early mounts to the root disk and makes that the root.
func (m *machine) switchRoot() error {
	for _, mount := range earlyMounts {
		if err := m.kernel.Mount(m.path(mount.Target), m.path(newRoot+mount.Target), "", unix.MS_MOVE, ""); err != nil {
			return fmt.Errorf("move %s: %w", mount.Target, err)
		}
	}
	if err := m.kernel.SwitchRoot(m.path(newRoot)); err != nil {
		return fmt.Errorf("switch root: %w", err)
	}
	return nil
}
