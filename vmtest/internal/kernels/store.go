package kernels

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"namespaces-cgroups-ebpf/vmtest/internal/cache"
	"namespaces-cgroups-ebpf/vmtest/internal/kmod"
)

// store keeps unpacked kernels, one directory per release and package
// version, each complete from the moment it has its name.
type store struct {
	dir    string // <cache>/kernels
	run    Runner
	free   func(dir string) (int64, error)
	depmod func(ctx context.Context, modulesDir string) error
}

func newStore(dir string, run Runner) *store {
	return &store{dir: dir, run: run, free: cache.FreeBytes, depmod: kmod.Depmod}
}

// entryFormat changes when what is unpacked changes, so that older entries
// are made anew.
const entryFormat = 1

// entryFile is the record of a kernel and the sign of a complete entry.
const entryFile = "kernel.json"

// entry is the kernel.json of a directory. It is written last.
type entry struct {
	Format      int       `json:"format"`
	Release     string    `json:"release"`
	Version     string    `json:"version"`
	Suite       string    `json:"suite,omitempty"`
	ImageSHA256 string    `json:"image_sha256"`
	Key         string    `json:"key,omitempty"`       // of the recipe, if one made it
	NoConfig    bool      `json:"no_config,omitempty"` // the kernel came without its .config
	Packages    []Package `json:"packages"`
}

// entryDir is where a kernel lies. The version is in it because Debian
// rebuilds under the same release, and a running VM keeps the old files.
func (s *store) entryDir(release, version string) string {
	return filepath.Join(s.dir, release+"_"+strings.ReplaceAll(version, ":", "%3a"))
}

// lookup returns a kernel that is present and intact.
func (s *store) lookup(release, version string) (Kernel, bool) {
	return openEntry(s.entryDir(release, version))
}

// newest returns the newest intact kernel of a series.
func (s *store) newest(series string) (Kernel, bool) {
	files, _ := filepath.Glob(filepath.Join(s.dir, "*", entryFile))
	type found struct{ dir, version string }
	var all []found
	for _, file := range files {
		if e, err := readEntry(file); err == nil && e.Key == "" && matches(series, e.Version) {
			all = append(all, found{filepath.Dir(file), e.Version})
		}
	}
	slices.SortFunc(all, func(a, b found) int {
		return cmp.Or(CompareVersions(b.version, a.version), strings.Compare(b.dir, a.dir))
	})
	for _, f := range all {
		if k, ok := openEntry(f.dir); ok {
			return k, true
		}
	}
	return Kernel{}, false
}

// openEntry reads a directory and checks what a crash could have spoilt: the
// image against its sha256, and that config and modules.dep are there. The
// kernel is then in use, see use.
func openEntry(dir string) (Kernel, bool) {
	file := filepath.Join(dir, entryFile)
	hold, err := cache.Use(file)
	if err != nil {
		return Kernel{}, false
	}
	e, err := readEntry(file)
	if err != nil || !e.intact(dir) {
		hold.Close()
		return Kernel{}, false
	}
	k := e.kernel(dir)
	k.hold = hold
	return k, true
}

func (e entry) intact(dir string) bool {
	k := e.kernel(dir)
	sum, err := sha256File(k.Image)
	if err != nil || sum != e.ImageSHA256 {
		return false
	}
	if _, err := os.Stat(filepath.Join(k.ModulesDir, "modules.dep")); err != nil {
		return false
	}
	if e.NoConfig {
		return true
	}
	_, err = os.Stat(k.ConfigPath)
	return err == nil
}

func readEntry(file string) (entry, error) {
	var e entry
	data, err := os.ReadFile(file)
	if err != nil {
		return e, err
	}
	if err := json.Unmarshal(data, &e); err != nil {
		return e, err
	}
	if e.Format != entryFormat || e.Release == "" || e.Release != filepath.Base(e.Release) {
		return e, fmt.Errorf("%s has another format", file)
	}
	return e, nil
}

// kernel adds the paths below dir.
func (e entry) kernel(dir string) Kernel {
	k := Kernel{
		ID: filepath.Base(dir), Release: e.Release, Version: e.Version, Suite: e.Suite, Packages: e.Packages,
		Image: filepath.Join(dir, "vmlinuz"), ImageSHA256: e.ImageSHA256,
		ModulesDir: filepath.Join(dir, "lib", "modules", e.Release),
		key:        e.Key,
	}
	if !e.NoConfig {
		k.ConfigPath = filepath.Join(dir, "config")
	}
	return k
}

// write completes an entry: its sum, then kernel.json as the last file.
func (e entry) write(dir string) (err error) {
	if e.ImageSHA256, err = sha256File(filepath.Join(dir, "vmlinuz")); err != nil {
		return err
	}
	data, err := json.MarshalIndent(e, "", "  ")
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(dir, entryFile), append(data, '\n'), 0o644)
}

// has says whether a cached kernel was made of exactly these packages.
func (k Kernel) has(packages []candidate) bool {
	return slices.EqualFunc(k.Packages, packages, func(p Package, c candidate) bool {
		return p.Name == c.Name && p.SHA256 == c.SHA256
	})
}
