package kernels

import (
	"context"
	"errors"
	"os"
)

// Where a package came from.
const (
	FromMirror     = "mirror"
	FromPackageDir = "package-dir"
	FromLocal      = "local" // a .deb, image or modules directory that was named
	FromHost       = "host"  // the running machine's kernel
	FromURL        = "url"   // a download with a checksum
	FromOCI        = "oci"   // an OCI image layout
)

// Package is one .deb a kernel was unpacked from, or another file or
// directory that is part of it.
type Package struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	File    string `json:"file"`   // base name
	SHA256  string `json:"sha256"` // of the file, lower-case hex
	Source  string `json:"source"` // FromMirror and so on
}

// Kernel is one kernel in the cache, ready to boot. The paths are read-only
// by agreement: other runs use the same files.
type Kernel struct {
	ID          string // of the cache entry: another kernel has another one
	Series      string // short name: "6.12", "7" for the newest 7.x, "host"
	Release     string // what uname -r prints in the guest
	Version     string // version of the package, empty for other files
	Suite       string // Debian suite, empty if it is from none
	Image       string // path of vmlinuz
	ImageSHA256 string // of that file, as checked just now
	ModulesDir  string // path of .../lib/modules/<Release>, depmod has run; may hold no modules
	ConfigPath  string // path of the kernel's .config, empty if there is none
	Packages    []Package
	Note        string // what a reader of the report should know, or empty

	key  string
	hold *os.File // keeps the entry from being removed; see use
}

// Source gets kernels. Fetch resolves a spec (ParseSpec), downloads and checks what
// the cache lacks, and returns paths in the cache. Two runs may fetch at
// once. The error is ErrUnavailable when there is no such kernel to be had,
// and something else when one is there but wrong (checksum, disk, cache).
type Source interface {
	Fetch(ctx context.Context, spec string) (Kernel, error)
}

// ErrUnavailable is the kernel being nowhere the source looked, for errors.Is.
var ErrUnavailable = errors.New("kernel is not to be had")

// Multi asks each source in turn until one has the kernel. Only
// ErrUnavailable leads to the next one.
type Multi []Source

// Fetch implements Source. When no source has the kernel, the error says what
// each of them said.
func (m Multi) Fetch(ctx context.Context, series string) (Kernel, error) {
	errs := make([]error, 0, len(m)+1)
	for _, source := range m {
		k, err := source.Fetch(ctx, series)
		if err == nil || !errors.Is(err, ErrUnavailable) {
			return k, err
		}
		errs = append(errs, err)
	}
	if len(errs) == 0 {
		errs = append(errs, ErrUnavailable)
	}
	return Kernel{}, errors.Join(errs...)
}
