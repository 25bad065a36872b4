package kernels

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// debs gets a kernel out of packages that are named one by one. Whoever names
// a file vouches for it; its sha256 is recorded.
func (i *importer) debs(ctx context.Context, spec Spec) (Kernel, error) {
	var sums []string
	var sizes int64
	for _, item := range spec.Items {
		if item.URL != "" {
			sums = append(sums, item.SHA256)
			continue
		}
		sum, size, err := statFile(item.Path)
		if err != nil {
			return Kernel{}, unavailable(err)
		}
		sums, sizes = append(sums, sum), sizes+size
	}
	slices.Sort(sums)
	return i.store.bring(ctx, recipe{
		kind: KindDeb, key: keyOf(sums...), needBytes: 6 * sizes,
		build: func(ctx context.Context, tmp string) (parts, func(), error) {
			return i.unpackDebs(ctx, spec.Items, tmp)
		},
	})
}

// unpackDebs extracts all packages into one directory and finds the kernel.
func (i *importer) unpackDebs(ctx context.Context, items []Item, tmp string) (parts, func(), error) {
	dir := filepath.Join(tmp, "root")
	if err := os.Mkdir(dir, 0o755); err != nil {
		return parts{}, nil, err
	}
	var packages []Package
	for _, item := range items {
		p, err := i.unpackDeb(ctx, item, tmp, dir)
		if err != nil {
			return parts{}, nil, err
		}
		packages = append(packages, p)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return parts{}, nil, err
	}
	p, err := locate(root)
	if err != nil {
		root.Close()
		return parts{}, nil, fmt.Errorf("%w; from 6.19 on Debian's kernel is in linux-binary, linux-modules and linux-base, "+
			"Ubuntu's in linux-image and linux-modules: name all of them, as deb:A.deb,B.deb", err)
	}
	p.version, p.packages = packages[0].Version, packages
	return p, func() { root.Close() }, nil
}

func (i *importer) unpackDeb(ctx context.Context, item Item, tmp, dir string) (Package, error) {
	path, source := item.Path, FromLocal
	if item.URL != "" {
		source = FromURL
		var err error
		if path, err = i.download(ctx, item, tmp); err != nil {
			return Package{}, err
		}
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return Package{}, err
	}
	fields, err := i.store.run(ctx, Command{Argv: []string{"dpkg-deb", "-f", path, "Package", "Version", "Architecture"}})
	if err != nil {
		return Package{}, err
	}
	p, err := parseFields(fields, item.base())
	if err != nil {
		return Package{}, err
	}
	if p.SHA256, err = sha256File(path); err != nil {
		return Package{}, err
	}
	if item.SHA256 != "" && p.SHA256 != item.SHA256 {
		return Package{}, fmt.Errorf("check %s: sha256 is %s, want %s", p.File, p.SHA256, item.SHA256)
	}
	p.Source = source
	_, err = i.store.run(ctx, Command{Argv: []string{"dpkg-deb", "-x", path, dir}})
	return p, aptError(err)
}

// parseFields reads what dpkg-deb -f prints.
func parseFields(text, file string) (Package, error) {
	stanzas := parseStanzas(text)
	if len(stanzas) != 1 || stanzas[0]["package"] == "" || stanzas[0]["version"] == "" {
		return Package{}, fmt.Errorf("read package %s: no name and version in it", file)
	}
	s := stanzas[0]
	if arch := s["architecture"]; arch != "amd64" && arch != "all" {
		return Package{}, fmt.Errorf("read package %s: it is for %s, not amd64", file, arch)
	}
	return Package{Name: s["package"], Version: s["version"], File: file}, nil
}

// statFile returns a regular file's sha256 and size.
func statFile(path string) (sum string, size int64, err error) {
	f, done, err := openFile(path)
	if err != nil {
		return "", 0, err
	}
	defer done()
	info, err := f.root.Stat(f.name)
	if err != nil {
		return "", 0, err
	}
	sum, err = f.sum()
	return sum, info.Size(), err
}

// unavailable marks a file that is not there as a kernel that cannot be had.
func unavailable(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%w: %s", ErrUnavailable, strings.TrimPrefix(err.Error(), "lstat "))
	}
	return err
}
