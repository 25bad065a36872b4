package image

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"namespaces-cgroups-ebpf/vmtest/internal/aptsources"
	"namespaces-cgroups-ebpf/vmtest/internal/cache"
)

// Build returns the image of recipe r from the cache, or makes it there: half a
// minute to two minutes, and the only case that needs the network. Several
// processes may call it at once; one of them builds. Cancelling ctx leaves
// nothing behind. The error is ctx's cause, aptsources.ErrNoMirror, or says in
// words what is missing: space, a program, a permission, a package.
func Build(ctx context.Context, r Recipe, o Options) (Image, error) {
	if o.Root == "" {
		o.Root = "/"
	}
	if o.Progress == nil {
		o.Progress = io.Discard
	}
	b := builder{recipe: r, options: o, run: execRunner, euid: os.Geteuid(), free: cache.FreeBytes}
	b.entry = filepath.Join(o.CacheDir, "images", r.Hash())
	img, err := b.build(ctx)
	if err != nil {
		return Image{}, fmt.Errorf("build image %s: %w", r.Name, err)
	}
	return img, nil
}

// builder is one Build; what it asks of the machine is injected.
type builder struct {
	recipe  Recipe
	options Options
	entry   string // the cache entry; entry+tempSuffix is the work directory
	run     runner
	euid    int
	free    func(dir string) (int64, error)
}

func (b *builder) build(ctx context.Context) (Image, error) {
	if img, err := b.open(); err == nil {
		return img, nil
	}
	unlock, err := b.lock(ctx)
	if err != nil {
		return Image{}, err
	}
	defer unlock()
	img, err := b.open()
	if err == nil { // another process built it while this one waited
		return img, nil
	}
	if errors.Is(err, errDamaged) {
		fmt.Fprintf(b.options.Progress, "image %s: building it again: %v\n", b.recipe.Name, err)
	}
	if err := b.make(ctx); err != nil {
		return Image{}, err
	}
	return b.open()
}

// open returns the image from the cache and marks it as in use.
func (b *builder) open() (Image, error) {
	img, err := open(b.entry, b.recipe)
	if err != nil {
		return Image{}, err
	}
	return img, inUse.hold(b.entry)
}

// make builds into the work directory and renames that to the entry. A work
// directory that is there is a killed build's, since this one holds the lock.
func (b *builder) make(ctx context.Context) (err error) {
	mirrors, err := aptsources.Find(b.options.Root, b.options.Mirrors)
	if err != nil {
		return err
	}
	work := b.entry + tempSuffix
	if err := b.remove(work); err != nil {
		return err
	}
	if err := b.checkSpace(filepath.Dir(b.entry)); err != nil {
		return err
	}
	if err := os.Mkdir(work, 0o755); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.remove(work)) }()
	if err := b.fill(ctx, work, mirrors.Debian); err != nil {
		return err
	}
	if err := b.remove(b.entry); err != nil {
		return err
	}
	return os.Rename(work, b.entry)
}

// checkSpace fails early, rather than minutes into the build.
func (b *builder) checkSpace(dir string) error {
	free, err := b.free(dir)
	if err != nil {
		return err
	}
	if need := b.recipe.needBytes(); free < need {
		return fmt.Errorf("no space left in %s: %d MiB free, %d MiB needed", dir, free>>20, need>>20)
	}
	return nil
}

// remove deletes a directory that may hold files of subordinate ids, which only
// the root of a user namespace with those ids may touch. It runs after a
// cancelled build too, hence its own context.
func (b *builder) remove(dir string) error {
	if os.RemoveAll(dir) == nil {
		return nil
	}
	argv := append(rootPrefix(b.euid), "rm", "-rf", "--one-file-system", dir)
	if err := b.run(context.Background(), command{argv: argv, output: io.Discard}); err != nil {
		return fmt.Errorf("remove %s: %w", dir, err)
	}
	return nil
}
