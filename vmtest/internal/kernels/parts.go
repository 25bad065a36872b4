package kernels

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// file is a file or directory below a directory that cannot be left, whatever
// links are in it. The zero value is none.
type file struct {
	root *os.Root
	name string // slash-separated, relative
}

func (f file) missing() bool { return f.root == nil }

// openFile returns a file of this machine and what releases it. Links in the
// path itself are the user's own and are followed.
func openFile(name string) (file, func(), error) {
	real, err := filepath.EvalSymlinks(name)
	if err != nil {
		return file{}, nil, err
	}
	root, err := os.OpenRoot(filepath.Dir(real))
	if err != nil {
		return file{}, nil, err
	}
	return file{root, filepath.Base(real)}, func() { root.Close() }, nil
}

// open opens a regular file: a fifo must not make us wait.
func (f file) open() (*os.File, error) {
	info, err := f.root.Stat(f.name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("open %s: not a regular file", f.name)
	}
	return f.root.Open(f.name)
}

// sum is the file's sha256.
func (f file) sum() (string, error) {
	in, err := f.open()
	if err != nil {
		return "", err
	}
	defer in.Close()
	h := sha256.New()
	if _, err := io.Copy(h, in); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// copyTo copies the file to a path that must not exist.
func (f file) copyTo(to string) (err error) {
	in, err := f.open()
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// walk calls visit for each regular file below the directory, in order of
// names. Links are left out: build and source lead out of a modules directory,
// and nothing else in it is one.
func (f file) walk(visit func(rel string, each file) error) error {
	dir, err := f.root.OpenRoot(f.name)
	if err != nil {
		return err
	}
	defer dir.Close()
	return fs.WalkDir(dir.FS(), ".", func(rel string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		return visit(rel, file{dir, rel})
	})
}

// treeSum is a sha256 over the names and contents of a directory's files.
func (f file) treeSum() (string, error) {
	h := sha256.New()
	err := f.walk(func(rel string, each file) error {
		sum, err := each.sum()
		if err == nil {
			_, err = fmt.Fprintf(h, "%s  %s\n", sum, rel)
		}
		return err
	})
	return hex.EncodeToString(h.Sum(nil)), err
}

// copyTreeTo copies a directory's files to a directory, which is made.
func (f file) copyTreeTo(to string) error {
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	return f.walk(func(rel string, each file) error {
		target := filepath.Join(to, filepath.FromSlash(rel))
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return err
		}
		return each.copyTo(target)
	})
}

// parts are the files of a kernel wherever they are, before they are copied to
// the cache.
type parts struct {
	image    file
	config   file // or none
	modules  file // directory, or none
	version  string
	packages []Package
}

// locate finds the parts of the one kernel in an unpacked package or image.
func locate(root *os.Root) (parts, error) {
	image, release, err := locateImage(root)
	if err != nil {
		return parts{}, err
	}
	p := parts{image: file{root, image}}
	p.config = first(root, "boot/config-"+release, "usr/lib/modules/"+release+"/config", "lib/modules/"+release+"/config", "boot/config")
	p.modules = first(root, "usr/lib/modules/"+release, "lib/modules/"+release)
	if p.modules.missing() {
		if others := strings.Join(moduleDirs(root), ", "); others != "" {
			return parts{}, fmt.Errorf("kernel image is release %s, but the modules are for %s", release, others)
		}
	}
	return p, nil
}

// imagePatterns are where kernels lie, the likelier first.
var imagePatterns = []string{
	"boot/vmlinuz", "boot/vmlinuz-*", "boot/bzImage", "usr/lib/modules/*/vmlinuz", "lib/modules/*/vmlinuz",
	"boot/vmlinux", "boot/vmlinux-*",
}

// locateImage finds the kernel image. A second one may be there only if it is
// the same release in another form or place.
func locateImage(root *os.Root) (name, release string, err error) {
	for _, pattern := range imagePatterns {
		found, _ := fs.Glob(root.FS(), pattern)
		for _, each := range found {
			r, err := releaseOf(file{root, each})
			if errors.Is(err, ErrNoKernel) && name != "" {
				continue // a vmlinux beside it that is there for debuggers
			}
			if err != nil {
				return "", "", fmt.Errorf("%s: %w", each, err)
			}
			if name != "" && r != release {
				return "", "", fmt.Errorf("there are two kernels: %s (%s) and %s (%s)", name, release, each, r)
			}
			if name == "" {
				name, release = each, r
			}
		}
	}
	if name == "" {
		return "", "", fmt.Errorf("no kernel image (looked for %s)", strings.Join(imagePatterns, ", "))
	}
	return name, release, nil
}

func releaseOf(f file) (string, error) {
	in, err := f.open()
	if err != nil {
		return "", err
	}
	defer in.Close()
	return imageRelease(in)
}

// first returns the first of several names that exists.
func first(root *os.Root, names ...string) file {
	for _, name := range names {
		if _, err := root.Stat(name); err == nil {
			return file{root, name}
		}
	}
	return file{}
}

// moduleDirs are the releases that there are modules for.
func moduleDirs(root *os.Root) []string {
	var releases []string
	for _, pattern := range []string{"usr/lib/modules/*", "lib/modules/*"} {
		found, _ := fs.Glob(root.FS(), pattern)
		for _, each := range found {
			releases = appendNew(releases, path.Base(each))
		}
	}
	return releases
}
