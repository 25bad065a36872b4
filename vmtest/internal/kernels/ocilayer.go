package kernels

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// maxUnpackedBytes bounds what the layers of one image decompress to.
const maxUnpackedBytes = 16 << 30

// Whiteouts of the OCI layer specification.
const (
	whiteout = ".wh."
	opaque   = ".wh..wh..opq"
)

// unpack applies the layers in order to a directory in tmp and finds the
// kernel there. Only what may be part of a kernel is written.
func (l layout) unpack(ctx context.Context, m ociManifest, tmp string) (parts, func(), error) {
	dir := filepath.Join(tmp, "root")
	if err := os.Mkdir(dir, 0o755); err != nil {
		return parts{}, nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return parts{}, nil, err
	}
	left := int64(maxUnpackedBytes)
	for _, d := range m.Layers {
		if err = l.apply(ctx, d, root, &left); err != nil {
			err = fmt.Errorf("unpack layer %s: %w", d.Digest, err)
			break
		}
	}
	var p parts
	if err == nil {
		p, err = locate(root)
	}
	if err != nil {
		root.Close()
		return parts{}, nil, err
	}
	return p, func() { root.Close() }, nil
}

// apply unpacks one layer, then checks its digest: an error makes all of it
// void.
func (l layout) apply(ctx context.Context, d descriptor, root *os.Root, left *int64) error {
	if !strings.Contains(d.MediaType, "tar") {
		return fmt.Errorf("media type %q is no tar", d.MediaType)
	}
	blob, err := l.blob(d)
	if err != nil {
		return err
	}
	defer blob.file.Close()
	plainTar, err := decompress(blob)
	if err != nil {
		return err
	}
	defer func() { _ = plainTar.Close() }()
	bounded := &bound{ctx: ctx, r: plainTar, left: left}
	applyErr := applyTar(bounded, root, maxUnpackedBytes)
	// A damaged layer is better called that than by what the damage led to.
	if err := blob.check(); err != nil {
		return err
	}
	return applyErr
}

// decompress goes by the first bytes, as media types are often wrong.
func decompress(r io.Reader) (io.ReadCloser, error) {
	in := bufio.NewReader(r)
	magic, _ := in.Peek(4)
	switch {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		return gzip.NewReader(in)
	case bytes.Equal(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		z, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(1<<30))
		if err != nil {
			return nil, err
		}
		return z.IOReadCloser(), nil
	}
	return io.NopCloser(in), nil
}

// bound ends a stream that is too long or no longer wanted.
type bound struct {
	ctx  context.Context
	r    io.Reader
	left *int64
}

// Read implements io.Reader.
func (b *bound) Read(p []byte) (int, error) {
	if err := b.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := b.r.Read(p)
	if *b.left -= int64(n); *b.left < 0 {
		return 0, fmt.Errorf("image unpacks to more than %d bytes", int64(maxUnpackedBytes))
	}
	return n, err
}

// applyTar applies a layer's entries to root, which no name or link leaves. A
// sparse entry may hold far more than is read of it, so that what is written
// has a limit of its own.
func applyTar(r io.Reader, root *os.Root, limit int64) error {
	t := tar.NewReader(r)
	layer := layer{root: root, own: map[string]bool{}, left: &limit}
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := layer.entry(h, t); err != nil {
			return fmt.Errorf("%s: %w", h.Name, err)
		}
	}
}

// layer is one being applied. own are the names it brought itself, which its
// whiteouts spare.
type layer struct {
	root *os.Root
	own  map[string]bool
	left *int64 // bytes that may still be written
}

func (l layer) entry(h *tar.Header, data io.Reader) error {
	name := path.Clean(strings.TrimPrefix(h.Name, "/"))
	if !filepath.IsLocal(name) {
		return errors.New("leads out of the image")
	}
	dir, base := path.Split(name)
	if base == opaque {
		return l.clear(path.Clean(dir))
	}
	if gone, ok := strings.CutPrefix(base, whiteout); ok {
		if target := path.Join(dir, gone); gone != "" && relevant(target) && !l.own[target] {
			return ignoreMissing(l.root.RemoveAll(target))
		}
		return nil
	}
	if !relevant(name) {
		return nil
	}
	l.own[name] = true
	return l.put(name, h, data)
}

// relevant says whether a path may be part of a kernel, or leads to one.
func relevant(name string) bool {
	switch name {
	case "boot", "lib", "usr", "usr/lib", "lib/modules", "usr/lib/modules":
		return true
	}
	for _, dir := range []string{"boot/", "lib/modules/", "usr/lib/modules/"} {
		if strings.HasPrefix(name, dir) {
			return true
		}
	}
	return false
}

// clear empties a directory of what lower layers put there.
func (l layer) clear(dir string) error {
	if dir != "." && !relevant(dir) {
		return nil
	}
	entries, err := fs.ReadDir(l.root.FS(), dir)
	if err != nil {
		return ignoreMissing(err)
	}
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		if l.own[name] {
			if err := l.clear(name); e.IsDir() && err != nil {
				return err
			}
			continue
		}
		if err := l.root.RemoveAll(name); err != nil {
			return err
		}
	}
	return nil
}

// put writes one entry. Device nodes, fifos and attributes are left out.
func (l layer) put(name string, h *tar.Header, data io.Reader) error {
	if h.Typeflag == tar.TypeDir {
		return l.dir(name)
	}
	if h.Typeflag != tar.TypeReg && h.Typeflag != tar.TypeSymlink && h.Typeflag != tar.TypeLink {
		return nil
	}
	if err := l.root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	if err := ignoreMissing(l.root.RemoveAll(name)); err != nil {
		return err
	}
	switch h.Typeflag {
	case tar.TypeSymlink:
		return l.root.Symlink(within(name, h.Linkname), name)
	case tar.TypeLink:
		return l.root.Link(path.Clean(strings.TrimPrefix(h.Linkname, "/")), name)
	}
	if *l.left -= h.Size; *l.left < 0 {
		return errors.New("files are too large")
	}
	f, err := l.root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, data)
	return errors.Join(err, f.Close())
}

// dir makes a directory. One that is there stays, anything else gives way.
func (l layer) dir(name string) error {
	if name == "." {
		return nil
	}
	info, err := l.root.Lstat(name)
	if err == nil && info.IsDir() {
		return nil
	}
	if err == nil {
		if err := l.root.Remove(name); err != nil {
			return err
		}
	}
	return l.root.MkdirAll(name, 0o755)
}

// within makes an absolute link relative: it means the image's root, not ours.
func within(name, target string) string {
	if !path.IsAbs(target) {
		return target
	}
	rel, err := filepath.Rel(path.Dir("/"+name), target)
	if err != nil {
		return target
	}
	return rel
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
