package kernels

import (
	"context"
	"errors"
)

// Where a package came from.
const (
	FromMirror     = "mirror"
	FromPackageDir = "package-dir"
)

// Package is one .deb a kernel was unpacked from.
type Package struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	File    string `json:"file"`   // base name of the .deb
	SHA256  string `json:"sha256"` // of the .deb, lower-case hex
	Source  string `json:"source"` // FromMirror or FromPackageDir
}

// Kernel is one kernel in the cache, ready to boot. The paths are read-only
// by agreement: other runs use the same files.
type Kernel struct {
	Series     string // as asked for: "6.12", or "7" for the newest 7.x
	Release    string // what uname -r prints in the guest
	Version    string // version of the Debian package
	Suite      string // Debian suite, empty for a package directory
	Image      string // path of vmlinuz
	ModulesDir string // path of .../lib/modules/<Release>, depmod has run
	ConfigPath string // path of the kernel's .config
	Packages   []Package
	Note       string // what a reader of the report should know, or empty
}

// Source gets kernels. Fetch resolves the series, downloads and checks what
// the cache lacks, and returns paths in the cache. Two runs may fetch at
// once. The error is ErrUnavailable when there is no such kernel to be had,
// and something else when one is there but wrong (checksum, disk, cache).
type Source interface {
	Fetch(ctx context.Context, series string) (Kernel, error)
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
