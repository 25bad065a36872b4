package image

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"namespaces-cgroups-ebpf/vmtest/internal/cache"
)

// uses are the records of the images that this process has opened. A VM may run
// on one until the process ends, and so does its lock.
type uses struct {
	mu    sync.Mutex
	files map[string]*os.File // by entry
}

var inUse = uses{files: map[string]*os.File{}}

// hold marks an entry of the cache as in use by this process with a shared
// flock(2) on its record; whoever removes an entry must have the exclusive one.
func (u *uses) hold(entry string) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	record := filepath.Join(entry, recordName)
	if f := u.files[entry]; f != nil {
		if cache.IsStill(f, record) {
			return nil
		}
		_ = f.Close() // rebuilt meanwhile
		delete(u.files, entry)
	}
	f, err := cache.Use(record)
	if err != nil {
		return fmt.Errorf("use image: %w", err)
	}
	u.files[entry] = f
	return nil
}

// unused returns the entry's record locked so that nobody can begin to use it,
// or false if somebody uses it.
func unused(entry string) (*os.File, bool) { return cache.Unused(filepath.Join(entry, recordName)) }
