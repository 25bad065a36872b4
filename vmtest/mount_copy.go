package vmtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// vcsDirs are left out of a mount that was not asked for by name: large, and
// of no use without their programs.
var vcsDirs = []string{".git", ".hg", ".svn", ".bzr", ".jj"}

// copier copies directory trees of the host to where a disk is made from.
type copier struct {
	ctx  context.Context
	note func(string) // gets what is left out
	skip []string     // names of directories
}

// measure adds up what copying src takes on a disk, in blocks of 4 KiB.
func (c copier) measure(src string) (size int64, err error) {
	err = c.walk(src, func(_ string, info fs.FileInfo) error {
		size += 4096
		if info.Mode().IsRegular() {
			size += (info.Size() + 4095) &^ 4095
		}
		return c.ctx.Err()
	})
	return size, err
}

// copy copies src, a directory or a file, to the new path dst.
func (c copier) copy(src, dst string) error {
	return c.walk(src, func(name string, info fs.FileInfo) error {
		from, to := filepath.Join(src, name), filepath.Join(dst, name)
		if err := c.ctx.Err(); err != nil {
			return err
		}
		switch info.Mode().Type() {
		case fs.ModeDir:
			return makeDir(to, info)
		case fs.ModeSymlink:
			target, err := os.Readlink(from)
			if err != nil {
				return err
			}
			return os.Symlink(target, to)
		case 0:
			return copyFile(from, to, info)
		}
		c.note(fmt.Sprintf("left out %s: a %s cannot be copied", from, kindOf(info.Mode())))
		return nil
	})
}

// walk calls do with src itself (".", and followed if it is a link) and with
// everything in it. Work directories are left out: one of them is being filled.
func (c copier) walk(src string, do func(name string, info fs.FileInfo) error) error {
	root, err := filepath.EvalSymlinks(src)
	if err != nil {
		return err
	}
	return filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		skip := slices.Contains(c.skip, entry.Name()) || strings.HasPrefix(entry.Name(), workPrefix)
		if entry.IsDir() && name != "." && skip {
			return fs.SkipDir
		}
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil // it went while we looked
		}
		if err != nil {
			return err
		}
		return do(name, info)
	})
}

// makeDir makes a directory that its owner may change: it must be possible to
// fill and to remove, and in the guest it belongs to root, whom no mode stops.
func makeDir(path string, info fs.FileInfo) error {
	if err := os.MkdirAll(path, 0o755); err != nil {
		return err
	}
	return os.Chmod(path, permissions(info.Mode())|0o700)
}

// copyFile copies content, mode and time of modification. The file system
// shares the content where it can.
func copyFile(from, to string, info fs.FileInfo) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	if _, err := io.Copy(out, in); err != nil {
		return fmt.Errorf("copy %s: %w", from, err)
	}
	if err := out.Chmod(permissions(info.Mode())); err != nil {
		return err
	}
	return os.Chtimes(to, info.ModTime(), info.ModTime())
}

func permissions(mode fs.FileMode) fs.FileMode {
	return mode & (fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky)
}

func kindOf(mode fs.FileMode) string {
	switch {
	case mode&fs.ModeSocket != 0:
		return "socket"
	case mode&fs.ModeNamedPipe != 0:
		return "named pipe"
	case mode&fs.ModeDevice != 0:
		return "device"
	}
	return "special file"
}
