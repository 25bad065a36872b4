package guest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"namespaces-cgroups-ebpf/vmtest/internal/wire"
)

// mountPayload mounts the payload disk, and its pieces where they belong.
func (m *machine) mountPayload(binds []wire.Bind) (bool, error) {
	name := findDisk(m.path("/sys"), payloadDisk.Serial)
	if name == "" {
		return false, m.bindAll(binds)
	}
	if err := m.kernel.FlushDisk("/dev/" + name); err != nil {
		return false, fmt.Errorf("flush payload disk: %w", err)
	}
	if len(binds) == 0 {
		return true, m.mountDisk(payloadDisk, payloadDisk.Target, 0)
	}
	writable := payloadDisk
	writable.Options = ""
	if err := m.mountDisk(writable, payloadDisk.Target, 0); err != nil {
		return false, err
	}
	if err := m.bindAll(binds); err != nil {
		return false, err
	}
	// Only the pieces stay writable, each by a mount of its own.
	err := m.kernel.Mount("", m.path(payloadDisk.Target), "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, "")
	if err != nil {
		return false, fmt.Errorf("make payload read-only: %w", err)
	}
	return true, nil
}

func (m *machine) bindAll(binds []wire.Bind) error {
	for _, bind := range binds {
		if err := m.bind(bind); err != nil {
			return err
		}
	}
	return nil
}

// bind shows one piece of the payload at its target.
func (m *machine) bind(bind wire.Bind) error {
	if bind.Source == "" {
		return m.makeShared(bind.Target)
	}
	if !filepath.IsLocal(bind.Source) || !filepath.IsAbs(bind.Target) {
		return fmt.Errorf("bind %q to %q: not a name and an absolute path", bind.Source, bind.Target)
	}
	source, target := m.path(filepath.Join(payloadDisk.Target, bind.Source)), m.path(bind.Target)
	info, err := os.Stat(source)
	if err != nil {
		return fmt.Errorf("bind %s: %w", bind.Target, err)
	}
	if err := makeTarget(target, info.IsDir()); err != nil {
		return fmt.Errorf("bind %s: %w", bind.Target, err)
	}
	if err := m.kernel.Mount(source, target, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("bind %s: %w", bind.Target, err)
	}
	return nil
}

// makeShared makes a directory that every user may write to.
func (m *machine) makeShared(target string) error {
	path := m.path(target)
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	if err := os.MkdirAll(path, 0o755); err != nil {
		return fmt.Errorf("make %s: %w", target, err)
	}
	if err := os.Chmod(path, 0o777); err != nil {
		return fmt.Errorf("make %s: %w", target, err)
	}
	return nil
}

// makeTarget makes what a directory or a file can be mounted on.
func makeTarget(target string, dir bool) error {
	if dir {
		return os.MkdirAll(target, 0o755)
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return err
	}
	file, err := os.OpenFile(target, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, os.ErrExist) {
		return nil // mount(2) says so if it is a directory
	}
	if err != nil {
		return err
	}
	return file.Close()
}
