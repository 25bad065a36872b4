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

	"golang.org/x/sys/unix"
)

// Limits say how much a store may hold.
type Limits struct {
	Bytes int64         // on the disk
	Age   time.Duration // since the last use
}

// entry is a snapshot that the collector looks at.
type entry struct {
	key   string
	used  time.Time
	bytes int64
}

// Collect removes what killed makers left, what was not used for long and, the
// longest unused first, what is over the limit. What is in use stays. It
// returns how many snapshots went.
func (s Store) Collect(limits Limits) (removed int, err error) {
	names, err := os.ReadDir(s.Dir)
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("collect snapshots: %w", err)
	}
	var entries []entry
	var errs []error
	for _, name := range names {
		if key, ok := strings.CutSuffix(name.Name(), tempSuffix); ok {
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
		gone, err := s.collect(e.key)
		errs = append(errs, err)
		if gone {
			removed++
		} else {
			total += e.bytes
		}
	}
	errs = append(errs, s.collectLocks(names))
	return removed, errors.Join(errs...)
}

// entry measures a snapshot. One without a record is as old as can be.
func (s Store) entry(key string) entry {
	e := entry{key: key}
	if info, err := os.Stat(filepath.Join(s.path(key), recordName)); err == nil {
		e.used = info.ModTime()
	}
	files, _ := os.ReadDir(s.path(key))
	for _, f := range files {
		var stat unix.Stat_t
		if unix.Lstat(filepath.Join(s.path(key), f.Name()), &stat) == nil {
			e.bytes += stat.Blocks * 512
		}
	}
	return e
}

// collect removes one snapshot if nobody uses it. Its record stays locked
// meanwhile, so that who is about to use it waits and then sees that it is gone.
func (s Store) collect(key string) (gone bool, err error) {
	err = s.try(key, func() error {
		if f, err := os.Open(filepath.Join(s.path(key), recordName)); err == nil {
			defer f.Close()
			if unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) != nil {
				return nil // in use
			}
		}
		gone = true
		return s.remove(key)
	})
	return gone && err == nil, err
}

// try does work under the key's lock unless somebody else has that.
func (s Store) try(key string, work func() error) error {
	f, err := s.tryLock(key)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("collect snapshots: %w", err)
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
