package kernels

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"namespaces-cgroups-ebpf/vmtest/internal/cache"
)

// GC says what Collect leaves.
type GC struct {
	Keep   int  // kernels per series, and per kind of other source without a name
	DryRun bool // only say what would go
}

// Collect removes kernels that newer ones of their series have replaced, those
// from other sources that have no name and were not used last, the disks that
// were made of them, and what killed runs left behind. What a live process
// uses stays, and so does everything with a name.
func (s *Sources) Collect(ctx context.Context, c GC) ([]cache.Removed, error) {
	if c.Keep < 0 {
		return nil, fmt.Errorf("collect kernels: keep %d, want 0 or more", c.Keep)
	}
	all, err := s.List()
	if err != nil {
		return nil, err
	}
	g := &collector{GC: c, store: s.store}
	for _, k := range superfluous(all.Kernels, c.Keep) {
		if ctx.Err() != nil {
			return g.removed, ctx.Err()
		}
		g.kernel(k)
	}
	g.leftovers()
	g.disks()
	return g.removed, errors.Join(g.faults...)
}

// superfluous returns the kernels that may go.
func superfluous(list []CachedKernel, keep int) []CachedKernel {
	groups := map[string][]CachedKernel{}
	for _, k := range list {
		if len(k.Names) == 0 {
			groups[k.kind+"/"+k.Series] = append(groups[k.kind+"/"+k.Series], k)
		}
	}
	var gone []CachedKernel
	for _, group := range groups {
		if group[0].kind != "" {
			slices.SortStableFunc(group, func(a, b CachedKernel) int { return b.UsedAt.Compare(a.UsedAt) })
		}
		gone = append(gone, group[min(keep, len(group)):]...)
	}
	gone = slices.DeleteFunc(gone, func(k CachedKernel) bool { return k.InUse })
	slices.SortFunc(gone, func(a, b CachedKernel) int { return cmp.Compare(a.ID, b.ID) })
	return gone
}

// collector is one Collect.
type collector struct {
	GC
	store   *store
	removed []cache.Removed
	faults  []error
}

// take removes a path and takes it down.
func (g *collector) take(path, reason string) {
	size := cache.DiskBytes(path)
	if !g.DryRun {
		if err := os.RemoveAll(path); err != nil {
			g.faults = append(g.faults, fmt.Errorf("collect kernels: %w", err))
			return
		}
	}
	rel, err := filepath.Rel(filepath.Dir(g.store.dir), path)
	if err != nil {
		rel = filepath.Base(path)
	}
	g.removed = append(g.removed, cache.Removed{Path: rel, SizeBytes: size, Reason: reason})
}

// kernel removes one entry and its disk, unless somebody began to use it.
func (g *collector) kernel(k CachedKernel) {
	lock, err := cache.TryLock(g.store.lockFile(k.ID))
	if err != nil || lock == nil {
		return
	}
	defer lock.Close()
	dir := filepath.Join(g.store.dir, k.ID)
	record, ok := cache.Unused(filepath.Join(dir, entryFile))
	if !ok {
		return
	}
	defer record.Close()
	reason := "a newer one of series " + k.Series + " is kept"
	if k.kind != "" {
		reason = "has no name, and others were used later"
	}
	if g.Keep == 0 {
		reason = "not in use"
	}
	disk := modulesDisk(g.store.dir, k.ID)
	if _, err := os.Stat(disk); err == nil {
		g.take(disk, "modules of "+k.ID)
	}
	if !g.DryRun {
		// Without its record the entry is none, should this end half-way.
		if err := os.Remove(filepath.Join(dir, entryFile)); err != nil {
			g.faults = append(g.faults, fmt.Errorf("collect kernels: %w", err))
			return
		}
	}
	g.take(dir, reason)
}

// tempForm matches the temporary directories of an entry, see tempPrefix.
var tempForm = regexp.MustCompile(`^\.tmp-(.+)-[0-9]+$`)

// leftovers removes what killed runs left: temporary directories whose entry
// nobody makes, and entries without a record.
func (g *collector) leftovers() {
	found, _ := os.ReadDir(g.store.dir)
	for _, d := range found {
		path := filepath.Join(g.store.dir, d.Name())
		id := d.Name()
		if m := tempForm.FindStringSubmatch(d.Name()); m != nil {
			id = m[1]
		} else if _, err := os.Stat(filepath.Join(path, entryFile)); !d.IsDir() || !errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if lock, err := cache.TryLock(g.store.lockFile(id)); err == nil && lock != nil {
			g.take(path, "left behind by a run that was killed")
			_ = lock.Close()
		}
	}
}

// disks removes disks of kernels that are gone, and half-made ones.
func (g *collector) disks() {
	found, _ := filepath.Glob(filepath.Join(filepath.Dir(modulesDisk(g.store.dir, "x")), "*.ext4*"))
	for _, path := range found {
		id, pid, _ := strings.Cut(filepath.Base(path), ".ext4")
		if g.took(path) {
			continue
		}
		_, err := os.Stat(filepath.Join(g.store.dir, id, entryFile))
		switch {
		case pid == "" && errors.Is(err, fs.ErrNotExist):
			g.take(path, "its kernel is gone")
		case pid != "" && isDead(strings.TrimPrefix(pid, ".tmp."), path):
			g.take(path, "left behind by a run that was killed")
		}
	}
}

// took says whether a dry run has counted the path already.
func (g *collector) took(path string) bool {
	return slices.ContainsFunc(g.removed, func(r cache.Removed) bool {
		return filepath.Join(filepath.Dir(g.store.dir), r.Path) == path
	})
}

// isDead says whether the process that makes a file is gone. A number that was
// given away again is told by the file's age.
func isDead(pid, path string) bool {
	n, err := strconv.Atoi(pid)
	if err == nil && errors.Is(unix.Kill(n, 0), unix.ESRCH) {
		return true
	}
	info, err := os.Stat(path)
	return err == nil && time.Since(info.ModTime()) > 24*time.Hour
}
