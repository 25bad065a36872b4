package kernels

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// sumsFile lists a package directory's checksums as sha256sum(1) prints them.
const sumsFile = "SHA256SUMS"

// PackageDir is a Source that reads .deb files from a directory
// (VMTEST_PACKAGE_DIR). The newest complete set of the series is taken; each
// of its files must be in SHA256SUMS and match it.
type PackageDir struct {
	dir   string
	store *store
}

// Fetch implements Source. A directory without the series is ErrUnavailable,
// one with files that do not match SHA256SUMS is not.
func (p *PackageDir) Fetch(ctx context.Context, series string) (Kernel, error) {
	found, err := p.list()
	if err != nil {
		return Kernel{}, fmt.Errorf("read package directory %s: %w", p.dir, err)
	}
	sets := completeSets(series, "", found)
	if len(sets) == 0 {
		return Kernel{}, fmt.Errorf("kernel %s: %w from package directory %s: no complete set of packages",
			series, ErrUnavailable, p.dir)
	}
	want := sets[0]
	if err := p.addSums(want.packages); err != nil {
		return Kernel{}, err
	}
	k, err := p.store.install(ctx, want, FromPackageDir, p.paths(want))
	if err != nil {
		return Kernel{}, fmt.Errorf("kernel %s from package directory %s: %w", series, p.dir, err)
	}
	k.Series = series
	return k, nil
}

// list names the kernel packages in the directory by their file names.
func (p *PackageDir) list() ([]candidate, error) {
	entries, err := os.ReadDir(p.dir)
	if err != nil {
		return nil, err
	}
	var found []candidate
	for _, e := range entries {
		parts := strings.Split(strings.TrimSuffix(e.Name(), ".deb"), "_")
		if !strings.HasSuffix(e.Name(), ".deb") || len(parts) != 3 {
			continue
		}
		info, err := e.Info()
		if err != nil {
			return nil, err
		}
		found = append(found, candidate{
			Name: parts[0], Version: strings.ReplaceAll(parts[1], "%3a", ":"),
			File: e.Name(), SizeBytes: info.Size(),
		})
	}
	return found, nil
}

// paths gives the set's files where they lie; nothing is copied.
func (p *PackageDir) paths(want set) getter {
	return func(context.Context, string) ([]string, error) {
		var debs []string
		for _, c := range want.packages {
			debs = append(debs, filepath.Join(p.dir, c.File))
		}
		return debs, nil
	}
}

// addSums fills in the checksums that SHA256SUMS gives.
func (p *PackageDir) addSums(packages []candidate) error {
	file := filepath.Join(p.dir, sumsFile)
	data, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("package directory %s has no %s; make it with: sha256sum *.deb > %s", p.dir, sumsFile, sumsFile)
	}
	if err != nil {
		return fmt.Errorf("read checksums: %w", err)
	}
	sums, err := parseSums(string(data))
	if err != nil {
		return fmt.Errorf("read %s: %w", file, err)
	}
	for i := range packages {
		sum, ok := sums[packages[i].File]
		if !ok {
			return fmt.Errorf("package %s is not in %s", packages[i].File, file)
		}
		packages[i].SHA256 = sum
	}
	return nil
}

var sumLine = regexp.MustCompile(`^([0-9a-fA-F]{64}) [ *](?:\./)?([^/]+)$`)

// parseSums reads sha256sum's output: file name to lower-case hex. A line of
// another form is an error, and so is a file with two sums.
func parseSums(text string) (map[string]string, error) {
	sums := map[string]string{}
	n := 0
	for line := range strings.Lines(text) {
		n++
		if line = strings.TrimRight(line, "\r\n"); line == "" {
			continue
		}
		m := sumLine.FindStringSubmatch(line)
		if m == nil {
			return nil, fmt.Errorf("line %d is no \"<sha256>  <file>\"", n)
		}
		sum := strings.ToLower(m[1])
		if old, ok := sums[m[2]]; ok && old != sum {
			return nil, fmt.Errorf("line %d: %s has two checksums", n, m[2])
		}
		sums[m[2]] = sum
	}
	return sums, nil
}
