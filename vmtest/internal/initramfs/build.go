package initramfs

import (
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/cavaliergopher/cpio"
)

// mountPoints are the directories init mounts on, and where modules lie.
var mountPoints = []string{"/dev", "/modules", "/newroot", "/proc", "/sys"}

// Build writes the archive. Equal specs (and equal bytes at Init) give equal
// archives. It fails before the first byte when the spec is wrong or Init is
// not a static executable.
func Build(w io.Writer, spec Spec) error {
	if err := spec.check(); err != nil {
		return err
	}
	init, err := readStatic(spec.Init)
	if err != nil {
		return fmt.Errorf("build initramfs: %w", err)
	}
	if err := newArchive(w).write(init, spec); err != nil {
		return fmt.Errorf("write initramfs: %w", err)
	}
	return nil
}

// archive is a cpio being written.
type archive struct {
	raw   io.Writer
	cpio  *cpio.Writer
	inode int
	dirs  map[string]bool // directories already in the archive
}

func newArchive(w io.Writer) *archive {
	return &archive{raw: w, cpio: cpio.NewWriter(w), dirs: map[string]bool{"/": true}}
}

// write puts everything in a fixed order: directories, devices, init,
// modules, files.
func (a *archive) write(init []byte, spec Spec) error {
	for _, dir := range mountPoints {
		if err := a.dir(dir); err != nil {
			return err
		}
	}
	if err := a.devices(); err != nil {
		return err
	}
	if err := a.file("/init", 0o755, init); err != nil {
		return err
	}
	for i, m := range spec.Modules {
		if err := a.file(ModulePath(i, m.Name), 0o644, m.Data); err != nil {
			return err
		}
	}
	for _, f := range spec.Files {
		if err := a.file(f.Path, f.Mode, f.Data); err != nil {
			return err
		}
	}
	return a.cpio.Close()
}

// devices writes /dev/console and /dev/null with the numbers of the kernel's
// Documentation/admin-guide/devices.txt.
func (a *archive) devices() error {
	if err := a.cpio.Flush(); err != nil {
		return err
	}
	if err := writeDevice(a.raw, "dev/console", a.nextInode(), 5, 1); err != nil {
		return err
	}
	return writeDevice(a.raw, "dev/null", a.nextInode(), 1, 3)
}

// dir writes a directory and its parents unless they are there.
func (a *archive) dir(dir string) error {
	if a.dirs[dir] {
		return nil
	}
	if err := a.dir(path.Dir(dir)); err != nil {
		return err
	}
	a.dirs[dir] = true
	return a.cpio.WriteHeader(a.header(dir, cpio.TypeDir|0o755, 0))
}

// file writes a regular file and the directories above it.
func (a *archive) file(name string, mode uint32, data []byte) error {
	if err := a.dir(path.Dir(name)); err != nil {
		return err
	}
	perm := cpio.FileMode(mode) & cpio.ModePerm
	if err := a.cpio.WriteHeader(a.header(name, cpio.TypeReg|perm, len(data))); err != nil {
		return err
	}
	_, err := a.cpio.Write(data)
	return err
}

// header numbers the entry itself: an inode shared with a device entry would
// be taken for a hard link.
func (a *archive) header(name string, mode cpio.FileMode, size int) *cpio.Header {
	return &cpio.Header{
		Name: strings.TrimPrefix(name, "/"), Mode: mode, Links: 1,
		Inode: int64(a.nextInode()), Size: int64(size),
	}
}

func (a *archive) nextInode() int {
	a.inode++
	return a.inode
}
