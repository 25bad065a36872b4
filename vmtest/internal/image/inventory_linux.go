package image

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"namespaces-cgroups-ebpf/vmtest/internal/cache"
)

// Build returns the image called name from the cache, or makes it there. It
// counts as in use from now on until this process ends.
func (s Store) Build(ctx context.Context, name string) (Image, error) {
	recipe, err := Named(ctx, name, s.Module)
	if err != nil {
		return Image{}, err
	}
	return s.BuildRecipe(ctx, recipe)
}

// BuildRecipe is Build for a recipe that need not have a name that plans know.
func (s Store) BuildRecipe(ctx context.Context, recipe Recipe) (Image, error) {
	return Build(ctx, recipe, Options{CacheDir: s.CacheDir, Mirrors: s.Mirrors, Progress: s.Progress})
}

func (s Store) dir() string { return filepath.Join(s.CacheDir, "images") }

// List looks at the cache. Nothing is built or checked.
func (s Store) List(ctx context.Context) (Inventory, error) {
	list := Inventory{Schema: Schema, Images: []Cached{}}
	entries, err := os.ReadDir(s.dir())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return list, fmt.Errorf("read image cache: %w", err)
	}
	known, build := s.known(ctx)
	for _, e := range entries {
		if c, ok := s.cached(e.Name(), build); ok {
			list.Images = append(list.Images, c)
			list.SizeBytes += c.SizeBytes
		}
	}
	slices.SortStableFunc(list.Images, func(a, b Cached) int {
		return cmp.Or(cmp.Compare(slices.Index(Names(), a.Name), slices.Index(Names(), b.Name)), cmp.Compare(b.BuiltAt, a.BuiltAt))
	})
	for _, k := range known {
		k.Cached = slices.ContainsFunc(list.Images, func(c Cached) bool { return c.Hash == k.Hash })
		list.Known = append(list.Known, k)
	}
	return list, nil
}

// known lists the recipes; build is that of this module, nil without one.
func (s Store) known(ctx context.Context) (list []Known, build *Recipe) {
	for _, name := range Names() {
		recipe, err := Named(ctx, name, s.Module)
		if err != nil {
			list = append(list, Known{Name: name, Problem: err.Error(), Packages: Builder(nil).Packages})
			continue
		}
		if recipe.Go != nil {
			build = &recipe
		}
		list = append(list, Known{Name: name, Hash: recipe.Hash(), Packages: recipe.Packages})
	}
	return list, build
}

// cached describes one entry, if it is an image.
func (s Store) cached(hash string, build *Recipe) (Cached, bool) {
	dir := filepath.Join(s.dir(), hash)
	data, err := os.ReadFile(filepath.Join(dir, recordName))
	if err != nil {
		return Cached{}, false
	}
	var rec record
	if json.Unmarshal(data, &rec) != nil || rec.Hash != hash {
		return Cached{}, false
	}
	c := Cached{
		Name: rec.Recipe.Name, Hash: rec.Hash, Current: rec.current(build), PackageCount: len(rec.Packages),
		SizeBytes: cache.DiskBytes(dir), BuiltAt: rec.Built, UsedAt: rec.Built,
	}
	if g := rec.Recipe.Go; g != nil {
		c.Module, c.GoVersion = g.Module, g.Version
	}
	if info, err := os.Stat(filepath.Join(dir, recordName)); err == nil {
		c.UsedAt = info.ModTime().UTC().Format(time.RFC3339)
	}
	free, ok := unused(dir)
	if ok {
		_ = free.Close()
	}
	c.InUse = !ok
	return c, true
}

// current says whether the image would be built the same way today. That of
// another Go module is none of this module's business.
func (rec record) current(build *Recipe) bool {
	switch rec.Recipe.Name {
	case "base":
		return rec.Hash == Base().Hash()
	case "peers":
		return rec.Hash == Peers().Hash()
	case "virtme-ng":
		return rec.Hash == VirtmeNG().Hash()
	case "build":
		g := rec.Recipe.Go
		if g == nil || rec.Hash != Builder(g).Hash() {
			return false
		}
		return build == nil || build.Go.Module != g.Module || build.Hash() == rec.Hash
	}
	return false
}
