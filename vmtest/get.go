package vmtest

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"

	"namespaces-cgroups-ebpf/vmtest/internal/wire"
)

// transfer receives the answer to a Get as a byte stream.
type transfer struct {
	session *session
	id      uint32
	w       *io.PipeWriter
	size    int64
}

// Get copies the regular files in and below a guest directory to dir on the
// host, which must exist. The guest may be hostile: names that leave dir are
// refused, links and special files are never made.
func (vm *VM) Get(ctx context.Context, guestPath, dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("get %s: %w", guestPath, err)
	}
	defer root.Close()
	r, w := io.Pipe()
	t := &transfer{session: vm.session, w: w}
	if t.id, err = vm.session.open(t); err != nil {
		return fmt.Errorf("get %s: %w", guestPath, err)
	}
	stop := context.AfterFunc(ctx, func() { _ = w.CloseWithError(context.Cause(ctx)) })
	defer stop()
	if err := vm.session.enc.EncodeJSON(wire.TypeGet, t.id, wire.Get{Path: guestPath}); err != nil {
		return fmt.Errorf("get %s: %w", guestPath, err)
	}
	err = unpack(root, tar.NewReader(r))
	if err == nil {
		_, err = io.Copy(io.Discard, r) // the padding, then DataEnd
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
		t.size += int64(len(f.Payload))
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
		return t.w.CloseWithError(errors.New(e.Message))
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
	t.session.release(t.id)
	return t.w.Close()
}

// lost implements receiver.
func (t *transfer) lost(err error) { _ = t.w.CloseWithError(err) }

func unpack(root *os.Root, archive *tar.Reader) error {
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read archive: %w", err)
		}
		if header.Typeflag != tar.TypeReg {
			continue
		}
		if err := unpackFile(root, header, archive); err != nil {
			return err
		}
	}
}

func unpackFile(root *os.Root, header *tar.Header, content io.Reader) error {
	name := path.Clean(header.Name)
	if !filepath.IsLocal(name) {
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
