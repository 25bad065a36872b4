package vmtest

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"namespaces-cgroups-ebpf/vmtest/internal/wire"
)

// Bounds of a Get on the host. Guest init holds to the first two itself, but
// who is root in the guest can speak in its place.
const (
	getLimitBytes = wire.DefaultGetLimitBytes
	getLimitFiles = wire.MaxGetFiles
	// getOverheadBytes is what headers and padding add to the files' sizes.
	getOverheadBytes = getLimitFiles*8<<10 + 1<<20
)

// refusedError is a Get that the guest does not carry out: what is there is too
// much, too many, or gone.
type refusedError struct {
	message string
	missing bool
}

func (e *refusedError) Error() string { return e.message }

// Is makes what is missing in the guest fs.ErrNotExist.
func (e *refusedError) Is(target error) bool { return e.missing && target == fs.ErrNotExist }

// transfer receives the answer to a Get as a byte stream.
type transfer struct {
	session *session
	id      uint32
	w       *io.PipeWriter
	limit   int64
	size    int64
	files   int // as the guest counts them, once it has ended
}

// Get copies the regular files in and below a guest directory, or one file, to
// dir on the host, which must exist: 64 MiB in 4096 files at most. The guest may
// be hostile: names that leave dir are refused, links and special files are
// never made. What is not there is fs.ErrNotExist.
func (vm *VM) Get(ctx context.Context, guestPath, dir string) error {
	return vm.get(ctx, wire.Get{Path: guestPath, LimitBytes: getLimitBytes}, dir)
}

// get is Get with a limit of its own.
func (vm *VM) get(ctx context.Context, want wire.Get, dir string) error {
	guestPath := want.Path
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("get %s: %w", guestPath, err)
	}
	defer root.Close()
	r, w := io.Pipe()
	t := &transfer{session: vm.session, w: w, limit: want.LimitBytes + getOverheadBytes}
	if t.id, err = vm.session.open(t); err != nil {
		return fmt.Errorf("get %s: %w", guestPath, err)
	}
	stop := context.AfterFunc(ctx, func() { _ = w.CloseWithError(context.Cause(ctx)) })
	defer stop()
	if err := vm.session.enc.EncodeJSON(wire.TypeGet, t.id, want); err != nil {
		return fmt.Errorf("get %s: %w", guestPath, err)
	}
	files, err := unpack(root, tar.NewReader(r), want.LimitBytes)
	if err == nil {
		_, err = io.Copy(io.Discard, r) // the padding, then DataEnd
	}
	if err == nil && files != t.files {
		err = fmt.Errorf("guest counts %d files, %d came", t.files, files)
	}
	_ = r.CloseWithError(err)
	if err != nil {
		return fmt.Errorf("get %s: %w", guestPath, err)
	}
	return nil
}

// receive implements receiver.
func (t *transfer) receive(f wire.Frame) error {
	switch f.Type {
	case wire.TypeData:
		if t.size += int64(len(f.Payload)); t.size > t.limit {
			return fmt.Errorf("guest sent more than %d bytes for one get", t.limit)
		}
		_, _ = t.w.Write(f.Payload) // a reader that gave up reports itself
		return nil
	case wire.TypeDataEnd:
		return t.finish(f)
	case wire.TypeError:
		var e wire.Error
		if err := f.JSON(&e); err != nil {
			return err
		}
		t.session.release(t.id)
		return t.w.CloseWithError(&refusedError{e.Message, e.Missing})
	}
	return fmt.Errorf("unexpected %s frame for a transfer", f.Type)
}

func (t *transfer) finish(f wire.Frame) error {
	var end wire.DataEnd
	if err := f.JSON(&end); err != nil {
		return err
	}
	if end.SizeBytes != t.size {
		return fmt.Errorf("guest counts %d bytes of data, %d came", end.SizeBytes, t.size)
	}
	t.files = end.FileCount
	t.session.release(t.id)
	return t.w.Close()
}

// lost implements receiver.
func (t *transfer) lost(err error) { _ = t.w.CloseWithError(err) }

// unpack makes the archive's regular files below root and counts them. An
// archive may claim sizes far beyond its own (sparse files).
func unpack(root *os.Root, archive *tar.Reader, limit int64) (files int, err error) {
	for left := limit; ; files++ {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return files, nil
		}
		if err != nil {
			return files, fmt.Errorf("read archive: %w", err)
		}
		if header.Typeflag != tar.TypeReg {
			return files, fmt.Errorf("refuse %q from the guest: not a regular file", header.Name)
		}
		if left -= header.Size; left < 0 || files == getLimitFiles {
			return files, fmt.Errorf("refuse %q from the guest: over %d bytes or %d files", header.Name, limit, getLimitFiles)
		}
		if err := unpackFile(root, header, archive); err != nil {
			return files, err
		}
	}
}

func unpackFile(root *os.Root, header *tar.Header, content io.Reader) error {
	name := path.Clean(header.Name)
	if path.IsAbs(header.Name) || !filepath.IsLocal(name) {
		return fmt.Errorf("refuse file name %q from the guest", header.Name)
	}
	if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return fmt.Errorf("make directory for %s: %w", name, err)
	}
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return fmt.Errorf("create %s: %w", name, err)
	}
	defer f.Close()
	if _, err := io.Copy(f, content); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return f.Close()
}
