package snapshot

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"namespaces-cgroups-ebpf/vmtest/internal/cache"
)

// Limits say how much a store may hold.
type Limits struct {
	Bytes int64         // on the disk
	Age   time.Duration // since the last use
	// DryRun removes nothing, but says what would go.
	DryRun bool
}

// entry is a snapshot that the collector looks at.
type entry struct {
	key   string
	used  time.Time
	bytes int64
}

// Collect removes what killed makers left, what was not used for long and, the
// longest unused first, what is over the limit. What is in use stays. It
// returns the snapshots that went.
func (s Store) Collect(limits Limits) (removed []cache.Removed, err error) {
	names, err := os.ReadDir(s.Dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("collect snapshots: %w", err)
	}
	var entries []entry
	var errs []error
	for _, name := range names {
		if key, ok := strings.CutSuffix(name.Name(), tempSuffix); ok && !limits.DryRun {
			errs = append(errs, s.try(key, func() error { return os.RemoveAll(s.path(key) + tempSuffix) }))
		}
		if name.IsDir() && filepath.Ext(name.Name()) == "" {
			entries = append(entries, s.entry(name.Name()))
		}
	}
	slices.SortFunc(entries, func(a, b entry) int { return cmp.Or(b.used.Compare(a.used), cmp.Compare(a.key, b.key)) })
	var total int64
	for _, e := range entries {
		if total+e.bytes <= limits.Bytes && time.Since(e.used) <= limits.Age {
			total += e.bytes
			continue
		}
		gone, err := s.collect(e.key, limits.DryRun)
		errs = append(errs, err)
		if !gone {
			total += e.bytes
			continue
		}
		removed = append(removed, cache.Removed{
			Path: filepath.Join(filepath.Base(s.Dir), e.key), SizeBytes: e.bytes, Reason: limits.reason(e),
		})
	}
	if !limits.DryRun {
		errs = append(errs, s.collectLocks(names))
	}
	return removed, errors.Join(errs...)
}

// reason says why a snapshot goes.
func (l Limits) reason(e entry) string {
	switch {
	case e.used.IsZero():
		return "it has no record"
	case time.Since(e.used) > l.Age:
		return fmt.Sprintf("not used for %.0f days", l.Age.Hours()/24)
	}
	return fmt.Sprintf("others were used later, and all may take %d MB", l.Bytes/1e6)
}

// entry measures a snapshot. One without a record is as old as can be.
func (s Store) entry(key string) entry {
	e := entry{key: key}
	if info, err := os.Stat(filepath.Join(s.path(key), recordName)); err == nil {
		e.used = info.ModTime()
	}
	e.bytes = cache.DiskBytes(s.path(key))
	return e
}

// collect removes one snapshot if nobody uses it. Its record stays locked
// meanwhile, so that who is about to use it waits and then sees that it is gone.
func (s Store) collect(key string, dry bool) (gone bool, err error) {
	err = s.try(key, func() error {
		record := filepath.Join(s.path(key), recordName)
		f, unused := cache.Unused(record)
		if unused {
			defer f.Close()
		} else if _, err := os.Stat(record); err == nil {
			return nil // in use
		}
		gone = true
		if dry {
			return nil
		}
		return s.remove(key)
	})
	return gone && err == nil, err
}

// try does work under the key's lock unless somebody else has that.
func (s Store) try(key string, work func() error) error {
	f, err := cache.TryLock(s.path(key) + lockSuffix)
	if err != nil {
		return fmt.Errorf("collect snapshots: %w", err)
	}
	if f == nil {
		return nil
	}
	defer f.Close()
	return work()
}

// collectLocks removes the lock files of snapshots that are gone.
func (s Store) collectLocks(names []os.DirEntry) error {
	var errs []error
	for _, name := range names {
		key, ok := strings.CutSuffix(name.Name(), lockSuffix)
		if !ok {
			continue
		}
		if _, err := os.Stat(s.path(key)); err == nil {
			continue
		}
		errs = append(errs, s.try(key, func() error { return os.Remove(s.path(key) + lockSuffix) }))
	}
	return errors.Join(errs...)
}
