package image

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"namespaces-cgroups-ebpf/vmtest/internal/cache"
)

// lock takes the entry's lock, waiting for another process's build to end. The
// kernel frees it when its holder dies.
func (b *builder) lock(ctx context.Context) (unlock func(), err error) {
	dir := filepath.Dir(b.entry)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, cacheError(dir, err)
	}
	f, err := cache.Lock(ctx, b.entry+lockSuffix, func() {
		fmt.Fprintf(b.options.Progress, "image %s: waiting for another build of it\n", b.recipe.Name)
	})
	switch {
	case err == nil:
		return func() { _ = f.Close() }, nil
	case ctx.Err() != nil:
		return nil, err
	}
	return nil, cacheError(dir, err)
}

// cacheError names the way out where the cache cannot be written.
func cacheError(dir string, err error) error {
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, unix.EROFS) {
		return fmt.Errorf("the image is not in the cache and the cache cannot be written "+
			"(set VMTEST_CACHE to another directory than that of %s): %w", dir, err)
	}
	return fmt.Errorf("write cache: %w", err)
}
