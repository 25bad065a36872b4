package guest

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"namespaces-cgroups-ebpf/vmtest/internal/wire"
)

// maxSkipped bounds the names of special files in the answer.
const maxSkipped = 64

// archive writes the regular files in and below get.Path as a tar stream. The
// directory belongs to whoever ran in the guest, so it is read through os.Root,
// nothing but regular files is opened, and the sum of their sizes is bounded.
func archive(w io.Writer, get wire.Get) (wire.DataEnd, error) {
	a := &archiver{count: &countingWriter{w: w}, limit: get.LimitBytes}
	if a.limit <= 0 {
		a.limit = wire.DefaultGetLimitBytes
	}
	if get.SinceUnixNS > 0 {
		a.since = time.Unix(0, get.SinceUnixNS)
	}
	a.tar = tar.NewWriter(a.count)
	if err := a.collect(get.Path); err != nil {
		return wire.DataEnd{}, fmt.Errorf("get %s: %w", get.Path, err)
	}
	if err := a.tar.Close(); err != nil {
		return wire.DataEnd{}, fmt.Errorf("get %s: %w", get.Path, err)
	}
	a.end.SizeBytes = a.count.n
	return a.end, nil
}

// errMissing is a path that a Get names and that is not there. A file that goes
// while its directory is read is something else.
var errMissing = errors.New("not there")

// maxDepth bounds how deep files may lie: each is opened step by step from the
// root, so that thousands of levels take minutes under emulation.
const maxDepth = 32

type archiver struct {
	tar   *tar.Writer
	count *countingWriter
	limit int64
	since time.Time
	end   wire.DataEnd
}

func (a *archiver) collect(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %w", errMissing, err)
	}
	if err != nil {
		return err
	}
	dir, only := path, ""
	if !info.IsDir() {
		dir, only = filepath.Split(path)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	if !info.IsDir() {
		return a.add(root, only)
	}
	return fs.WalkDir(root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && strings.Count(name, "/") >= maxDepth {
			err = fmt.Errorf("directories nested more than %d deep", maxDepth)
		}
		if err != nil || entry.IsDir() {
			return err
		}
		return a.add(root, name)
	})
}

// add writes one file, or notes that it is not a regular one.
func (a *archiver) add(root *os.Root, name string) error {
	before, err := root.Lstat(name)
	if err != nil {
		return err
	}
	if !before.Mode().IsRegular() {
		if len(a.end.Skipped) < maxSkipped {
			a.end.Skipped = append(a.end.Skipped, name)
		}
		return nil
	}
	if before.ModTime().Before(a.since) {
		return nil
	}
	// A FIFO that takes the file's place now must not block the open.
	file, err := root.OpenFile(name, os.O_RDONLY|openNonblock, 0)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if !os.SameFile(before, info) {
		return fmt.Errorf("%s changed while it was read", name)
	}
	return a.write(name, info, file)
}

func (a *archiver) write(name string, info fs.FileInfo, file io.Reader) error {
	if a.end.FileCount++; a.end.FileCount > wire.MaxGetFiles {
		return fmt.Errorf("more than %d files", wire.MaxGetFiles)
	}
	if a.limit -= info.Size(); a.limit < 0 {
		return fmt.Errorf("files exceed the size limit at %s", name)
	}
	header := &tar.Header{
		Typeflag: tar.TypeReg, Name: name, Size: info.Size(),
		Mode: int64(info.Mode().Perm()), ModTime: info.ModTime(),
	}
	if err := a.tar.WriteHeader(header); err != nil {
		return err
	}
	// A file that grows meanwhile is cut at the size announced; one that
	// shrinks is an error.
	if _, err := io.CopyN(a.tar, file, info.Size()); err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	return nil
}

type countingWriter struct {
	w io.Writer
	n int64
}

// Write counts what got through.
func (c *countingWriter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}
