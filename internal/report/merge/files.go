package merge

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"

	"namespaces-cgroups-ebpf/internal/report"
)

// Bounds of what is copied: a guest fills its disk with what it likes.
const (
	maxFiles = 200_000
	maxBytes = 8 << 30
)

// Collect copies the files of all parts to dir, and makes the parts' paths
// those of the copies. What was there from an earlier merge goes first: a merge
// that is interrupted leaves no report behind.
func Collect(parts []Part, dir string) error {
	if err := checkApart(parts, dir); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make output directory: %w", err)
	}
	out, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("open output directory: %w", err)
	}
	defer out.Close()
	if err := clearOut(out, parts); err != nil {
		return fmt.Errorf("clear output directory: %w", err)
	}
	c := &collector{out: out, taken: map[string]bool{}}
	for i := range parts {
		if err := c.part(&parts[i], fmt.Sprintf("part-%d", i+1)); err != nil {
			return fmt.Errorf("copy files of %s: %w", parts[i].Name, err)
		}
	}
	return nil
}

// checkApart refuses an output directory that holds one of the inputs: it is
// cleared.
func checkApart(parts []Part, dir string) error {
	out, err := resolve(dir)
	if err != nil {
		return err
	}
	for _, p := range parts {
		in, err := resolve(p.Dir)
		if err != nil {
			return err
		}
		if rel, err := filepath.Rel(out, in); err == nil && filepath.IsLocal(rel) {
			return fmt.Errorf("%s is in the output directory %s", p.Name, dir)
		}
	}
	return nil
}

// resolve follows links as far as the path exists.
func resolve(dir string) (string, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("resolve %s: %w", dir, err)
	}
	found, err := filepath.EvalSymlinks(abs)
	if errors.Is(err, fs.ErrNotExist) && filepath.Dir(abs) != abs {
		parent, err := resolve(filepath.Dir(abs))
		return filepath.Join(parent, filepath.Base(abs)), err
	}
	if err != nil {
		return "", fmt.Errorf("resolve %s: %w", dir, err)
	}
	return found, nil
}

func clearOut(out *os.Root, parts []Part) error {
	stale := []string{report.JSONFile, report.HTMLFile, report.MarkdownFile, report.JUnitFile}
	for i, p := range parts {
		stale = append(stale, fmt.Sprintf("part-%d", i+1))
		stale = append(stale, seriesOf(p.Report)...)
	}
	for _, name := range stale {
		if err := out.RemoveAll(name); err != nil {
			return err
		}
	}
	return nil
}

// collector copies with a common budget.
type collector struct {
	out   *os.Root
	taken map[string]bool
	files int
	bytes int64
}

// part copies what a part has of its kernels. A name that another part has
// taken gets the part's own directory before it.
func (c *collector) part(p *Part, prefix string) error {
	in, err := os.OpenRoot(p.Dir)
	if err != nil {
		return err
	}
	defer in.Close()
	copied := map[string]copiedFile{}
	for _, series := range seriesOf(p.Report) {
		err := fs.WalkDir(in.FS(), series, func(name string, d fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) && name == series {
				return fs.SkipDir // it never came to that
			}
			if err != nil || !d.Type().IsRegular() {
				return err // a report names no links, devices or pipes
			}
			to := name
			if c.taken[to] {
				to = path.Join(prefix, name)
			}
			c.taken[to] = true
			copied[name] = copiedFile{path: to}
			return c.copy(in, name, copied)
		})
		if err != nil {
			return err
		}
	}
	return relocate(&p.Report, copied)
}

// copiedFile is where a file has gone, and what it holds.
type copiedFile struct{ path, sha256 string }

func (c *collector) copy(in *os.Root, name string, copied map[string]copiedFile) error {
	if c.files++; c.files > maxFiles {
		return fmt.Errorf("more than %d files", maxFiles)
	}
	from, err := in.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer from.Close()
	to := copied[name].path
	if err := c.out.MkdirAll(path.Dir(to), 0o755); err != nil {
		return err
	}
	file, err := c.out.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	hash := sha256.New()
	n, err := io.Copy(io.MultiWriter(file, hash), io.LimitReader(from, maxBytes-c.bytes+1))
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	if c.bytes += n; c.bytes > maxBytes {
		return fmt.Errorf("more than %d bytes", int64(maxBytes))
	}
	copied[name] = copiedFile{to, hex.EncodeToString(hash.Sum(nil))}
	return nil
}

// relocate makes the paths in a report those of the copies. An artifact that is
// not the one that was validated is refused; what is not there is not named.
func relocate(r *report.Report, copied map[string]copiedFile) error {
	for i := range r.Kernels {
		r.Kernels[i].ConsoleLog = copied[r.Kernels[i].ConsoleLog].path
	}
	for i := range r.Results {
		result := &r.Results[i]
		result.ConsoleLog = copied[result.ConsoleLog].path
		for j := range result.Artifacts {
			a := &result.Artifacts[j]
			file, ok := copied[a.Stored]
			if ok && !strings.EqualFold(file.sha256, a.SHA256) {
				return fmt.Errorf("%s is not the file that the report tells of: its SHA-256 is another one", a.Stored)
			}
			a.Stored = file.path
		}
	}
	return nil
}
