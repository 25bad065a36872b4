package kernels

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"namespaces-cgroups-ebpf/vmtest/internal/cache"
)

// CacheSchema is the schema name of a Cache.
const CacheSchema = "kernel-cache/v1"

// Cache is what there is: the series that are known, and the kernels in the
// cache.
type Cache struct {
	Schema    string         `json:"schema"`
	Series    []CachedSeries `json:"series"`
	Kernels   []CachedKernel `json:"kernels"`
	SizeBytes int64          `json:"size_bytes"` // of all kernels with their disks
}

// CachedSeries is a series of the list, and the kernel that a run without
// network would take for it.
type CachedSeries struct {
	Series   string   `json:"series"`
	Default  bool     `json:"default"`
	Optional bool     `json:"optional"`
	Suites   []string `json:"suites"`
	Kernel   string   `json:"kernel,omitempty"` // ID, empty if the cache has none
}

// CachedKernel is a kernel in the cache.
type CachedKernel struct {
	ID        string    `json:"id"`
	Names     []string  `json:"names"`            // given with add
	Series    string    `json:"series,omitempty"` // of the list, if it is a Debian kernel
	Release   string    `json:"release"`
	Version   string    `json:"version,omitempty"`
	Suite     string    `json:"suite,omitempty"`
	Packages  []Package `json:"packages"`
	SizeBytes int64     `json:"size_bytes"` // on disk, with the disk of its modules
	UsedAt    time.Time `json:"used_at"`
	InUse     bool      `json:"in_use"` // by a process that runs now

	kind string // tag of the recipe, empty for Debian kernels
}

// List looks at the cache. Nothing is fetched or checked.
func (s *Sources) List() (Cache, error) {
	cache := Cache{Schema: CacheSchema, Series: []CachedSeries{}, Kernels: []CachedKernel{}}
	dirs, err := os.ReadDir(s.store.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return cache, fmt.Errorf("read kernel cache: %w", err)
	}
	names := s.store.names()
	for _, d := range dirs {
		k, err := s.cached(d.Name(), names)
		if err != nil {
			continue // no kernel, or one that is being made or is broken
		}
		cache.Kernels = append(cache.Kernels, k)
		cache.SizeBytes += k.SizeBytes
	}
	sortCached(cache.Kernels)
	for _, series := range s.list.Kernels {
		row := CachedSeries{Series: series.Series, Default: series.Default, Optional: series.Optional, Suites: series.Suites}
		for _, k := range cache.Kernels {
			if k.kind == "" && matches(series.Series, k.Version) {
				row.Kernel = k.ID
				break
			}
		}
		cache.Series = append(cache.Series, row)
	}
	return cache, nil
}

// Describe is the cache's view of kernels that were just fetched.
func (s *Sources) Describe(fetched []Kernel) (Cache, error) {
	cache := Cache{Schema: CacheSchema, Series: []CachedSeries{}, Kernels: []CachedKernel{}}
	names := s.store.names()
	for _, k := range fetched {
		described, err := s.cached(k.ID, names)
		if err != nil {
			return cache, fmt.Errorf("read kernel cache: %w", err)
		}
		cache.Kernels = append(cache.Kernels, described)
		cache.SizeBytes += described.SizeBytes
	}
	return cache, nil
}

// sortCached puts the newest first, as deb-version(7) has it.
func sortCached(list []CachedKernel) {
	slices.SortFunc(list, func(a, b CachedKernel) int {
		return cmp.Or(CompareVersions(b.age(), a.age()), strings.Compare(a.ID, b.ID))
	})
}

// age is the version, or the release of a kernel without one.
func (k CachedKernel) age() string {
	if k.kind == "" {
		return k.Version
	}
	return k.Release
}

// cached reads one entry of the cache.
func (s *Sources) cached(id string, names map[string]string) (CachedKernel, error) {
	record := filepath.Join(s.store.dir, id, entryFile)
	e, err := readEntry(record)
	if err != nil {
		return CachedKernel{}, err
	}
	info, err := os.Stat(record)
	if err != nil {
		return CachedKernel{}, err
	}
	k := CachedKernel{
		ID: id, Names: []string{}, Release: e.Release, Version: e.Version, Suite: e.Suite, Packages: e.Packages,
		SizeBytes: cache.DiskBytes(filepath.Dir(record)) + cache.DiskBytes(modulesDisk(s.store.dir, id)),
		UsedAt:    info.ModTime().UTC().Truncate(time.Second),
	}
	for name, of := range names {
		if of == id {
			k.Names = append(k.Names, name)
		}
	}
	slices.Sort(k.Names)
	if m := tagForm.FindStringSubmatch(id); m != nil && e.Key != "" {
		k.kind, _, _ = strings.Cut(m[1], "-")
	} else {
		k.Series = s.list.seriesOf(e.Version)
	}
	if f, ok := cache.Unused(record); ok {
		f.Close()
	} else {
		k.InUse = true
	}
	return k, nil
}

// seriesOf is the narrowest series of the list that a version belongs to.
func (l List) seriesOf(version string) string {
	best := ""
	for _, k := range l.Kernels {
		if inSeries(k.Series, version) && len(k.Series) > len(best) {
			best = k.Series
		}
	}
	return best
}

// Versions returns the versions of a series that a mirror, the package
// directory or the cache has, oldest first. An index may promise what the pool
// no longer has.
func (s *Sources) Versions(ctx context.Context, series string) ([]string, error) {
	where, err := s.list.Find(series)
	if err != nil {
		return nil, err
	}
	found := s.store.versions(series)
	for _, source := range s.debian {
		if p, ok := source.(*PackageDir); ok {
			if packages, err := p.list(); err == nil {
				found = append(found, versionsOf(completeSets(series, "", packages))...)
			}
		}
	}
	search := &search{Debian: s.mirrors, series: where}
	mirrors, err := s.mirrors.mirrors()
	if err != nil && len(found) == 0 {
		return nil, err
	}
	for _, m := range mirrors {
		offers, _ := search.offers(ctx, m)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		for _, o := range offers {
			found = append(found, o.version)
		}
		if len(offers) > 0 {
			break
		}
	}
	if len(found) == 0 {
		return nil, search.nothing()
	}
	slices.SortFunc(found, CompareVersions)
	return slices.Compact(found), nil
}

func versionsOf(sets []set) []string {
	var versions []string
	for _, s := range sets {
		versions = append(versions, s.version)
	}
	return versions
}

// versions are those of a series in the cache.
func (s *store) versions(series string) []string {
	var versions []string
	files, _ := filepath.Glob(filepath.Join(s.dir, "*", entryFile))
	for _, file := range files {
		if e, err := readEntry(file); err == nil && e.Key == "" && matches(series, e.Version) {
			versions = append(versions, e.Version)
		}
	}
	return versions
}
