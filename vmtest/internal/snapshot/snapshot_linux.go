package snapshot

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"namespaces-cgroups-ebpf/vmtest/internal/cache"
)

// Snapshot is one that is in use: it is not collected until it is closed.
type Snapshot struct {
	Record

	dir   string
	key   string
	files []file
	store Store
	lock  *os.File // its record
}

// Path of a file of the snapshot.
func (s *Snapshot) Path(name string) string { return filepath.Join(s.dir, name) }

// Close ends the use of the snapshot.
func (s *Snapshot) Close() error { return s.lock.Close() }

// Discard removes the snapshot, unless another has taken its place meanwhile.
func (s *Snapshot) Discard(ctx context.Context) error {
	unlock, err := s.store.lock(ctx, s.key)
	if err != nil {
		return err
	}
	defer unlock()
	if !cache.IsStill(s.lock, s.lock.Name()) {
		return nil
	}
	return s.store.remove(s.key)
}

// verified remembers the files whose digest this process has checked.
var verified sync.Map // map[identity]bool

// identity changes whenever a file's content is written to.
type identity struct {
	dev, ino     uint64
	size         int64
	mtime, ctime unix.Timespec
	digest       string
}

// Verify reads all files and compares their digests, once per process and
// file. The error is ErrDamaged if one differs.
func (s *Snapshot) Verify() error {
	var group errgroup.Group
	for _, f := range s.files {
		group.Go(func() error { return s.verify(f) })
	}
	return group.Wait()
}

func (s *Snapshot) verify(want file) error {
	path := s.Path(want.Name)
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	defer f.Close()
	var stat unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &stat); err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	id := identity{stat.Dev, stat.Ino, stat.Size, stat.Mtim, stat.Ctim, want.Digest}
	if _, known := verified.Load(id); known {
		return nil
	}
	got, err := digest(f)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if got != want.Digest {
		return fmt.Errorf("%w: content of %s has changed", ErrDamaged, want.Name)
	}
	verified.Store(id, true)
	return nil
}
