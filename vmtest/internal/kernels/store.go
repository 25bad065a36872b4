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
	return &store{dir: dir, run: run, free: freeBytes, depmod: kmod.Depmod}
}

// entryFormat changes when what is unpacked changes, so that older entries
// are made anew.
const entryFormat = 1

// entry is the kernel.json of a directory. It is written last.
type entry struct {
	Format      int       `json:"format"`
	Release     string    `json:"release"`
	Version     string    `json:"version"`
	Suite       string    `json:"suite,omitempty"`
	ImageSHA256 string    `json:"image_sha256"`
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
	files, _ := filepath.Glob(filepath.Join(s.dir, "*", "kernel.json"))
	type found struct{ dir, version string }
	var all []found
	for _, file := range files {
		if e, err := readEntry(file); err == nil && inSeries(series, e.Version) {
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
// image against its sha256, and that config and modules.dep are there.
func openEntry(dir string) (Kernel, bool) {
	e, err := readEntry(filepath.Join(dir, "kernel.json"))
	if err != nil {
		return Kernel{}, false
	}
	k := e.kernel(dir)
	sum, err := sha256File(k.Image)
	if err != nil || sum != e.ImageSHA256 {
		return Kernel{}, false
	}
	for _, file := range []string{k.ConfigPath, filepath.Join(k.ModulesDir, "modules.dep")} {
		if _, err := os.Stat(file); err != nil {
			return Kernel{}, false
		}
	}
	return k, true
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
	return Kernel{
		Release: e.Release, Version: e.Version, Suite: e.Suite, Packages: e.Packages,
		Image:      filepath.Join(dir, "vmlinuz"),
		ConfigPath: filepath.Join(dir, "config"),
		ModulesDir: filepath.Join(dir, "lib", "modules", e.Release),
	}
}

// has says whether a cached kernel was made of exactly these packages.
func (k Kernel) has(packages []candidate) bool {
	return slices.EqualFunc(k.Packages, packages, func(p Package, c candidate) bool {
		return p.Name == c.Name && p.SHA256 == c.SHA256
	})
}
