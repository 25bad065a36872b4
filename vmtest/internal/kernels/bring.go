package kernels

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"

	"namespaces-cgroups-ebpf/vmtest/internal/cache"
)

// recipe is how a kernel that no Debian suite names gets into the cache. What
// it is made of is its key, so that a changed file is another kernel.
type recipe struct {
	kind      Kind
	key       string // sha256 of everything it is made of, lower-case hex
	needBytes int64  // about what making it takes on the disk
	// build finds the parts, or makes them in tmp. They are read, then closed.
	build func(ctx context.Context, tmp string) (p parts, closeParts func(), err error)
}

// keyOf is the key of several texts.
func keyOf(texts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(texts, "\x00")))
	return hex.EncodeToString(sum[:])
}

// tag names the recipe in the cache.
func (r recipe) tag() string { return string(r.kind) + "-" + r.key[:16] }

// tagForm matches the end of an entry's name that a recipe gave it.
var tagForm = regexp.MustCompile(`_((?:deb|file|host|url|oci)-[0-9a-f]{16})$`)

// lockFile is the lock of the entry with this name: making and removing it
// need it.
func (s *store) lockFile(id string) string {
	if m := tagForm.FindStringSubmatch(id); m != nil {
		id = m[1]
	}
	return filepath.Join(s.dir, id+".lock")
}

// bring returns a recipe's kernel from the cache, or makes the entry as
// install does.
func (s *store) bring(ctx context.Context, r recipe) (Kernel, error) {
	if k, ok := s.made(r); ok {
		return k, nil
	}
	if err := os.MkdirAll(s.dir, 0o755); err != nil {
		return Kernel{}, cacheFault(s.dir, 0, err)
	}
	lock, err := cache.Lock(ctx, filepath.Join(s.dir, r.tag()+".lock"), nil)
	if err != nil {
		return Kernel{}, cacheFault(s.dir, 0, err)
	}
	defer lock.Close()
	if k, ok := s.made(r); ok {
		return k, nil // another run made it while this one waited
	}
	final, err := s.follow(ctx, r)
	if err != nil {
		return Kernel{}, cacheFault(s.dir, r.needBytes, err)
	}
	k, ok := openEntry(final)
	if !ok {
		return Kernel{}, errors.New("kernel is not intact in the cache")
	}
	return k, nil
}

// made looks for a recipe's entry. Its release is not known before.
func (s *store) made(r recipe) (Kernel, bool) {
	found, _ := filepath.Glob(filepath.Join(s.dir, "*_"+r.tag()))
	for _, dir := range found {
		if k, ok := openEntry(dir); ok && k.key == r.key {
			return k, true
		}
	}
	return Kernel{}, false
}

// follow makes the entry, with the lock held.
func (s *store) follow(ctx context.Context, r recipe) (final string, err error) {
	removeLeftovers(filepath.Join(s.dir, r.tag()))
	free, err := s.free(s.dir)
	if err != nil {
		return "", err
	}
	if free < r.needBytes {
		return "", fmt.Errorf("%d bytes free: %w", free, syscall.ENOSPC)
	}
	tmp, err := os.MkdirTemp(s.dir, tempPrefix(filepath.Join(s.dir, r.tag())))
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(tmp)
	p, closeParts, err := r.build(ctx, tmp)
	if err != nil {
		return "", err
	}
	defer closeParts()
	made := filepath.Join(tmp, "entry")
	release, err := s.assemble(ctx, p, made, r)
	if err != nil {
		return "", err
	}
	final = filepath.Join(s.dir, release+"_"+r.tag())
	return final, replace(made, final, filepath.Join(tmp, "old"))
}

// assemble copies the parts to made and completes them.
func (s *store) assemble(ctx context.Context, p parts, made string, r recipe) (release string, err error) {
	if release, err = releaseOf(p.image); err != nil {
		return "", fmt.Errorf("%s: %w", p.image.name, err)
	}
	modules := filepath.Join(made, "lib", "modules", release)
	if err := os.MkdirAll(modules, 0o755); err != nil {
		return "", err
	}
	image := filepath.Join(made, "vmlinuz")
	if err := p.image.copyTo(image); err != nil {
		return "", err
	}
	if !p.modules.missing() {
		if err := p.modules.copyTreeTo(modules); err != nil {
			return "", fmt.Errorf("copy modules: %w", err)
		}
	}
	if err := s.depmod(ctx, modules); err != nil {
		return "", err
	}
	e := entry{Format: entryFormat, Release: release, Version: p.version, Key: r.key, Packages: p.packages}
	if e.NoConfig, err = putConfig(p, image, filepath.Join(made, "config")); err != nil {
		return "", err
	}
	return release, e.write(made)
}

// putConfig copies the kernel's .config, or takes it out of the image.
func putConfig(p parts, image, to string) (none bool, err error) {
	if !p.config.missing() {
		return false, p.config.copyTo(to)
	}
	f, err := os.Open(image)
	if err != nil {
		return false, err
	}
	defer f.Close()
	data := imageConfig(f)
	if data == nil {
		return true, nil
	}
	return false, writeFile(to, data, 0o644)
}
