package cache

import (
	"fmt"
	"io/fs"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Removed is something that was taken out of a cache.
type Removed struct {
	Path      string `json:"path"`       // relative to the cache
	SizeBytes int64  `json:"size_bytes"` // disk space it took
	Reason    string `json:"reason"`
}

// DiskBytes is the disk space of a file or of all below a directory; sparse
// files take less than they are long. What cannot be read counts nothing.
func DiskBytes(path string) (sum int64) {
	_ = filepath.WalkDir(path, func(each string, _ fs.DirEntry, err error) error {
		var s unix.Stat_t
		if err == nil && unix.Lstat(each, &s) == nil {
			sum += s.Blocks * 512
		}
		return nil
	})
	return sum
}

// FreeBytes is what an unprivileged user may still write on dir's file system.
func FreeBytes(dir string) (int64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, fmt.Errorf("look for free space in %s: %w", dir, err)
	}
	return int64(s.Bavail) * int64(s.Bsize), nil
}
