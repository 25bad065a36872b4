package image

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"namespaces-cgroups-ebpf/vmtest/internal/cache"
)

// tempSuffix marks a build's work directory; lockSuffix the lock of an entry.
const (
	tempSuffix = ".tmp"
	lockSuffix = ".lock"
)

// Collect removes images whose recipe is not that of today, damaged ones, and
// what killed builds left behind. What a live process uses or builds stays.
func (s Store) Collect(ctx context.Context, c GC) ([]cache.Removed, error) {
	entries, err := os.ReadDir(s.dir())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("collect images: %w", err)
	}
	_, build := s.known(ctx)
	g := collector{GC: c, store: s, build: build}
	for _, e := range entries {
		if ctx.Err() != nil {
			return g.removed, context.Cause(ctx)
		}
		if e.IsDir() {
			g.look(e.Name())
		}
	}
	return g.removed, errors.Join(g.faults...)
}

// collector is one Collect.
type collector struct {
	GC
	store   Store
	build   *Recipe
	removed []cache.Removed
	faults  []error
}

// look decides about one directory, with its lock: nobody builds it meanwhile.
func (g *collector) look(name string) {
	hash, isTemp := strings.CutSuffix(name, tempSuffix)
	lock, err := cache.TryLock(filepath.Join(g.store.dir(), hash+lockSuffix))
	if err != nil || lock == nil {
		return
	}
	defer lock.Close()
	dir := filepath.Join(g.store.dir(), name)
	if isTemp {
		g.take(dir, "left behind by a build that was killed")
		return
	}
	image, ok := g.store.cached(hash, g.build)
	if !ok {
		g.take(dir, "damaged")
		return
	}
	if image.Current && !g.All {
		return
	}
	record, ok := unused(dir)
	if !ok {
		return
	}
	defer record.Close()
	reason := "its recipe has changed"
	if image.Current {
		reason = "not in use"
	}
	g.take(dir, reason)
}

// take removes a directory and takes it down. The record goes first: without it
// an entry is none, should this end half-way.
func (g *collector) take(dir, reason string) {
	size := cache.DiskBytes(dir)
	if !g.DryRun {
		_ = os.Remove(filepath.Join(dir, recordName))
		b := builder{run: execRunner, euid: os.Geteuid(), options: Options{Progress: io.Discard}}
		if err := b.remove(dir); err != nil {
			g.faults = append(g.faults, fmt.Errorf("collect images: %w", err))
			return
		}
	}
	g.removed = append(g.removed, cache.Removed{Path: filepath.Join("images", filepath.Base(dir)), SizeBytes: size, Reason: reason})
}
