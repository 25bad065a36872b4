package image

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// lockPoll is the time between two looks at a lock that another process holds.
const lockPoll = 200 * time.Millisecond

// lock takes the entry's lock, waiting for another process's build to end. The
// kernel frees it when its holder dies.
func (b *builder) lock(ctx context.Context) (unlock func(), err error) {
	dir := filepath.Dir(b.entry)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, cacheError(dir, err)
	}
	f, err := os.OpenFile(b.entry+lockSuffix, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, cacheError(dir, err)
	}
	for told := false; ; told = true {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return func() { _ = f.Close() }, nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			return nil, errors.Join(fmt.Errorf("lock %s: %w", f.Name(), err), f.Close())
		}
		if !told {
			fmt.Fprintf(b.options.Progress, "image %s: waiting for another build of it\n", b.recipe.Name)
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(context.Cause(ctx), f.Close())
		case <-time.After(lockPoll):
		}
	}
}

// cacheError names the way out where the cache cannot be written.
func cacheError(dir string, err error) error {
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, unix.EROFS) {
		return fmt.Errorf("the image is not in the cache and the cache cannot be written "+
			"(set VMTEST_CACHE to another directory than that of %s): %w", dir, err)
	}
	return fmt.Errorf("write cache: %w", err)
}
