package vmtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"namespaces-cgroups-ebpf/vmtest/internal/wire"
)

// copyLimitBytes bounds what is copied back at once: a trace may be large.
const copyLimitBytes = 1 << 30

// copyBack takes the command's outputs to the host. Only our own flags say
// where to; what the guest sends decides about names below a directory.
func (r *kernelExec) copyBack(ctx context.Context, vm *VM) error {
	for _, out := range r.outputs {
		if err := r.copyOutput(ctx, vm, out); err != nil {
			return fmt.Errorf("copy back %s: %w", out.path, err)
		}
	}
	for _, get := range r.Gets {
		dir := get.Dir
		if len(r.Kernels) > 1 {
			dir = filepath.Join(dir, r.result.Kernel)
		}
		if err := r.fetch(ctx, vm, wire.Get{Path: get.Path}, destination{dir: dir}); err != nil {
			return fmt.Errorf("get %s: %w", get.Path, err)
		}
	}
	return nil
}

// copyOutput copies one output. One that was not written is none: the command
// has its own way to say so.
func (r *kernelExec) copyOutput(ctx context.Context, vm *VM, out execOutput) error {
	want, to := wire.Get{Path: out.path}, destination{dir: out.path, fresh: out.fresh}
	if !out.tree {
		to.dir, to.only = filepath.Split(out.path)
	}
	if out.fresh {
		want.SinceUnixNS = r.began.UnixNano()
	}
	err := r.fetch(ctx, vm, want, to)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// fetch gets files into a directory of our own first, so that half a transfer
// never takes the place of a good file.
func (r *kernelExec) fetch(ctx context.Context, vm *VM, want wire.Get, to destination) error {
	late := fmt.Errorf("%w: nothing more came within %v", ErrLost, fetchDeadline)
	ctx, cancel := context.WithTimeoutCause(ctx, fetchDeadline, late)
	defer cancel()
	temp, err := os.MkdirTemp(r.work.Path, "get-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	want.LimitBytes = copyLimitBytes
	if err := vm.get(ctx, want, temp); err != nil {
		return err
	}
	n, err := to.take(temp)
	r.result.CopiedBack += n
	return err
}

// destination is where files from a guest go.
type destination struct {
	dir string
	// only is the one name that is wanted, "" for any below dir.
	only string
	// fresh leaves alone what is there.
	fresh bool
}

// take puts the files in and below temp to the same names below dir, which is
// made if need be, and counts them. Links in dir that lead out of it are not
// followed, and a link in the place of a file is replaced.
func (d destination) take(temp string) (count int, err error) {
	from, err := os.OpenRoot(temp)
	if err != nil {
		return 0, err
	}
	defer from.Close()
	var names []string
	err = fs.WalkDir(from.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			names = append(names, name)
		}
		return err
	})
	if err != nil || len(names) == 0 {
		return 0, err // nothing is made for nothing
	}
	if err := os.MkdirAll(d.dir, 0o755); err != nil {
		return 0, err
	}
	to, err := os.OpenRoot(d.dir)
	if err != nil {
		return 0, err
	}
	defer to.Close()
	for i, name := range names {
		if d.only != "" && name != d.only {
			return i, fmt.Errorf("the guest sent %q, want %q", name, d.only)
		}
		if err := d.move(from, to, name); err != nil {
			return i, fmt.Errorf("write %s: %w", name, err)
		}
	}
	return len(names), nil
}

func (d destination) move(from, to *os.Root, name string) error {
	if info, err := to.Lstat(name); err == nil {
		if d.fresh {
			return nil
		}
		if !info.Mode().IsRegular() && info.Mode().Type() != fs.ModeSymlink {
			return errors.New("there is something else than a regular file")
		}
	}
	if err := to.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	temp := path.Join(path.Dir(name), fmt.Sprintf(".%s.vmtest-%d", path.Base(name), os.Getpid()))
	err := copyBetween(from, name, to, temp)
	if err == nil {
		err = to.Rename(temp, name)
	}
	if err != nil {
		_ = to.Remove(temp)
	}
	return err
}

func copyBetween(from *os.Root, name string, to *os.Root, newName string) (err error) {
	in, err := from.Open(name)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := to.OpenFile(newName, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	_, err = io.Copy(out, in)
	return err
}
