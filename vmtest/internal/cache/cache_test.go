package cache_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/vmtest/internal/cache"
)

func file(t *testing.T) string {
	path := filepath.Join(t.TempDir(), "record")
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	return path
}

func TestUseWaitsForRemoval(t *testing.T) {
	record := file(t)
	held, err := cache.Use(record)
	require.NoError(t, err)
	also, err := cache.Use(record)
	require.NoError(t, err, "any number of users")
	_, ok := cache.Unused(record)
	require.False(t, ok, "in use")
	require.NoError(t, errors.Join(held.Close(), also.Close()))
	removing, ok := cache.Unused(record)
	require.True(t, ok)
	done := make(chan error, 1)
	go func() { _, err := cache.Use(record); done <- err }()
	require.NoError(t, os.Remove(record))
	require.NoError(t, removing.Close())
	require.ErrorContains(t, <-done, "record")
	_, ok = cache.Unused(record)
	require.False(t, ok, "there is none")
}

func TestIsStill(t *testing.T) {
	path := file(t)
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	require.True(t, cache.IsStill(f, path))
	require.NoError(t, os.Rename(file(t), path))
	require.False(t, cache.IsStill(f, path), "another file by that name")
	require.NoError(t, os.Remove(path))
	require.False(t, cache.IsStill(f, path))
}

func TestLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	held, err := cache.Lock(t.Context(), path, func() { require.Fail(t, "nobody holds it") })
	require.NoError(t, err)
	other, err := cache.TryLock(path)
	require.NoError(t, err)
	require.Nil(t, other)

	ctx, cancel := context.WithCancelCause(t.Context())
	gone := errors.New("no patience")
	_, err = cache.Lock(ctx, path, func() { cancel(gone) })
	require.ErrorIs(t, err, gone)

	// The next one waits, is told so once, and gets it.
	told := 0
	next, err := cache.Lock(t.Context(), path, func() { told++; require.NoError(t, held.Close()) })
	require.NoError(t, err)
	require.Equal(t, 1, told)
	require.NoError(t, next.Close())

	_, err = cache.TryLock(filepath.Join(path, "below a file"))
	require.ErrorContains(t, err, "open lock")
}

func TestBytes(t *testing.T) {
	dir := t.TempDir()
	empty := cache.DiskBytes(dir)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "full"), make([]byte, 1<<20), 0o600))
	require.InDelta(t, 1<<20, cache.DiskBytes(dir)-empty, 64<<10)
	sparse := file(t)
	require.NoError(t, os.Truncate(sparse, 1<<30))
	require.Less(t, cache.DiskBytes(sparse), int64(1<<20))
	require.Zero(t, cache.DiskBytes(filepath.Join(dir, "none")))

	free, err := cache.FreeBytes(dir)
	require.NoError(t, err)
	require.Positive(t, free)
	_, err = cache.FreeBytes("/nonexistent")
	require.ErrorContains(t, err, "/nonexistent")
}
