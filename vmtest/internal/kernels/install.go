package kernels

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"namespaces-cgroups-ebpf/vmtest/internal/cache"
)

// getter brings a set's packages and returns the path of each, in order. It
// may put files in tmp, which is removed afterwards.
type getter func(ctx context.Context, tmp string) (debs []string, err error)

// install returns the kernel of a set from the cache, or makes the entry:
// under a lock, in a temporary directory, with its name given at the end.
func (s *store) install(ctx context.Context, want set, source string, get getter) (Kernel, error) {
	if k, ok := s.lookup(want.release, want.version); ok && k.has(want.packages) {
		return k, nil
	}
	if err := os.MkdirAll(s.dir, 0o755); err != nil {
		return Kernel{}, cacheFault(s.dir, 0, err)
	}
	final := s.entryDir(want.release, want.version)
	lock, err := cache.Lock(ctx, s.lockFile(filepath.Base(final)), nil)
	if err != nil {
		return Kernel{}, cacheFault(s.dir, 0, err)
	}
	defer lock.Close()
	if k, ok := s.lookup(want.release, want.version); ok && k.has(want.packages) {
		return k, nil // another run made it while this one waited
	}
	if err := s.make(ctx, want, source, get, final); err != nil {
		return Kernel{}, cacheFault(s.dir, want.needBytes(), err)
	}
	k, ok := s.lookup(want.release, want.version)
	if !ok {
		return Kernel{}, fmt.Errorf("unpack kernel %s: not intact after unpacking", want.release)
	}
	return k, nil
}

// make does the work of install, with the lock held.
func (s *store) make(ctx context.Context, want set, source string, get getter, final string) error {
	removeLeftovers(final)
	if err := s.checkSpace(want); err != nil {
		return err
	}
	tmp, err := os.MkdirTemp(s.dir, tempPrefix(final))
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	debs, err := get(ctx, tmp)
	if err != nil {
		return err
	}
	if err := verify(want.packages, debs); err != nil {
		return err
	}
	made := filepath.Join(tmp, "entry")
	if err := s.unpack(ctx, debs, filepath.Join(tmp, "root"), made, want.release); err != nil {
		return fmt.Errorf("unpack kernel %s: %w", want.release, err)
	}
	if err := finish(made, want, source); err != nil {
		return err
	}
	if err := replace(made, final, filepath.Join(tmp, "old")); err != nil {
		return err
	}
	// A disk of the modules of other packages with the same version.
	if err := os.Remove(modulesDisk(s.dir, filepath.Base(final))); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// modulesDisk is where the disk made of an entry's modules lies.
func modulesDisk(store, id string) string {
	return filepath.Join(filepath.Dir(store), "modules", id+".ext4")
}

// tempPrefix starts the names of an entry's temporary directories.
func tempPrefix(final string) string { return ".tmp-" + filepath.Base(final) + "-" }

// removeLeftovers removes what a killed run left of this entry. The lock is
// held, so nobody uses it.
func removeLeftovers(final string) {
	old, _ := filepath.Glob(filepath.Join(filepath.Dir(final), tempPrefix(final)+"*"))
	for _, dir := range old {
		os.RemoveAll(dir)
	}
}

// checkSpace fails before the download when the disk is too small for it.
func (s *store) checkSpace(want set) error {
	free, err := s.free(s.dir)
	if err != nil {
		return err
	}
	if free < want.needBytes() {
		return fmt.Errorf("%d bytes free: %w", free, syscall.ENOSPC)
	}
	return nil
}

// verify checks each package against the sha256 its index gave. apt has done
// so for a download; this covers package directories and the disk.
func verify(packages []candidate, debs []string) error {
	for i, p := range packages {
		sum, err := sha256File(debs[i])
		if err != nil {
			return fmt.Errorf("check package: %w", err)
		}
		if sum != p.SHA256 {
			return fmt.Errorf("check package %s: sha256 is %s, want %s (truncated or changed)", p.File, sum, p.SHA256)
		}
	}
	return nil
}

// finish writes the entry's record.
func finish(made string, want set, source string) error {
	e := entry{Format: entryFormat, Release: want.release, Version: want.version, Suite: want.suite}
	for _, p := range want.packages {
		e.Packages = append(e.Packages, Package{p.Name, p.Version, p.File, p.SHA256, source})
	}
	return e.write(made)
}

// replace gives made its final name. A spoilt entry of that name moves aside
// first, because rename(2) wants an empty directory there.
func replace(made, final, aside string) error {
	if err := os.Rename(final, aside); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return os.Rename(made, final)
}
