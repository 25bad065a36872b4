package snapshot

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"namespaces-cgroups-ebpf/vmtest/internal/cache"
)

const (
	tempSuffix = ".tmp"
	lockSuffix = ".lock"
)

// Store is a directory of snapshots.
type Store struct {
	Dir string
}

// Open returns the snapshot for key. The error is fs.ErrNotExist if there is
// none, ErrDamaged if one is there but cannot be used. It looks at names and
// sizes; [Snapshot.Verify] reads what is in the files.
func (s Store) Open(key string) (*Snapshot, error) {
	dir := s.path(key)
	if _, err := os.Stat(dir); err != nil {
		return nil, fmt.Errorf("open snapshot: %w", err)
	}
	lock, err := os.Open(filepath.Join(dir, recordName))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_SH); err != nil {
		return nil, errors.Join(fmt.Errorf("lock snapshot: %w", err), lock.Close())
	}
	snapshot, err := s.read(dir, key, lock)
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return snapshot, nil
}

func (s Store) read(dir, key string, lock *os.File) (*Snapshot, error) {
	data, err := os.ReadFile(lock.Name())
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	e, err := parse(data, key)
	if err != nil {
		return nil, err
	}
	for _, f := range e.Files {
		info, err := os.Lstat(filepath.Join(dir, filepath.Base(f.Name)))
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
		}
		if !info.Mode().IsRegular() || info.Size() != f.SizeBytes {
			return nil, fmt.Errorf("%w: %s has %d bytes, want %d", ErrDamaged, f.Name, info.Size(), f.SizeBytes)
		}
	}
	now := time.Now()
	_ = os.Chtimes(lock.Name(), now, now) // when it was last used; a read-only cache does not tell
	return &Snapshot{Record: e.Record, dir: dir, files: e.Files, store: s, key: key, lock: lock}, nil
}

// Make returns the snapshot for key, made by fill unless another process has
// made it meanwhile. fill puts the files into dir, an empty directory.
func (s Store) Make(ctx context.Context, key string, fill func(ctx context.Context, dir string) (Record, error)) (*Snapshot, error) {
	unlock, err := s.lock(ctx, key)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if snapshot, err := s.Open(key); err == nil {
		return snapshot, nil
	}
	if err := s.remove(key); err != nil {
		return nil, err
	}
	temp := s.path(key) + tempSuffix
	if err := os.Mkdir(temp, 0o700); err != nil {
		return nil, fmt.Errorf("make snapshot: %w", err)
	}
	defer os.RemoveAll(temp)
	record, err := fill(ctx, temp)
	if err != nil {
		return nil, err
	}
	if err := writeRecord(temp, key, record); err != nil {
		return nil, err
	}
	// Not synced: a power cut may leave files with holes, which Verify finds.
	if err := os.Rename(temp, s.path(key)); err != nil {
		return nil, fmt.Errorf("make snapshot: %w", err)
	}
	return s.Open(key)
}

// remove takes the snapshot away, in a way that nobody sees it half gone. The
// caller holds its lock. A machine that runs from it has its files open.
func (s Store) remove(key string) error {
	temp := s.path(key) + tempSuffix
	if err := os.RemoveAll(temp); err != nil {
		return fmt.Errorf("remove snapshot: %w", err)
	}
	if err := os.Rename(s.path(key), temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove snapshot: %w", err)
	}
	if err := os.RemoveAll(temp); err != nil {
		return fmt.Errorf("remove snapshot: %w", err)
	}
	return nil
}

// lock takes the lock of a key's maker, waiting for another one to end.
func (s Store) lock(ctx context.Context, key string) (unlock func(), err error) {
	if err := os.MkdirAll(s.Dir, 0o755); err != nil {
		return nil, fmt.Errorf("make snapshot: %w", err)
	}
	f, err := cache.Lock(ctx, s.path(key)+lockSuffix, nil)
	switch {
	case err == nil:
		return func() { _ = f.Close() }, nil
	case ctx.Err() != nil:
		return nil, fmt.Errorf("wait for another maker of the snapshot: %w", err)
	}
	return nil, fmt.Errorf("make snapshot: %w", err)
}

func (s Store) path(key string) string { return filepath.Join(s.Dir, key) }
