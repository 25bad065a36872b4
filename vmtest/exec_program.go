package vmtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"namespaces-cgroups-ebpf/vmtest/internal/userland"
)

// locate finds out what of the host the command needs: where it is, the module
// around a Go test, and what it will leave.
func (e *execution) locate() error {
	var err error
	if e.cwd, err = os.Getwd(); err != nil {
		return fmt.Errorf("find working directory: %w", err)
	}
	name := e.Argv[0]
	if strings.Contains(name, "/") && !filepath.IsAbs(name) {
		name = filepath.Join(e.cwd, name)
		if _, err := os.Stat(name); err != nil {
			return err
		}
		e.Argv = append([]string{name}, e.Argv[1:]...)
	}
	if isGoTest(name, e.Argv[1:]) {
		if err := e.locateGoTest(); err != nil {
			return err
		}
	}
	e.keepCoverage()
	if e.Mounts, err = checkMounts(e.Mounts); err != nil {
		return err
	}
	if err := e.bringModules(); err != nil {
		return err
	}
	if e.Dir == "" {
		e.Dir = "/"
		if e.mounted(e.cwd) {
			e.Dir = e.cwd
		}
	}
	e.Env, err = execEnv(e.Dir, e.Env)
	return err
}

// guestModules is where modules of the host are in the guest.
const guestModules = "/run/vmtest-modules"

// bringModules takes modules that are files of the host along.
func (e *execution) bringModules() error {
	e.Modules = slices.Clone(e.Modules)
	for i, name := range e.Modules {
		if !strings.Contains(name, "/") {
			continue
		}
		file, err := filepath.EvalSymlinks(name)
		if err != nil {
			return fmt.Errorf("load module %s: %w", name, err)
		}
		m := Mount{Source: file, Target: path.Join(guestModules, filepath.Base(name))}
		if e.Mounts, err = checkMounts(append(e.Mounts, m)); err != nil {
			return fmt.Errorf("load module %s: %w", name, err)
		}
		e.Modules[i] = m.Target
	}
	return nil
}

// mounted tells whether a mount brings path into the guest.
func (e *execution) mounted(path string) bool {
	for _, m := range e.Mounts {
		if m.Source != "" && liesIn(path, m.Target) {
			return true
		}
	}
	return false
}

// keepCoverage is for programs that were built with go build -cover.
func (e *execution) keepCoverage() {
	if dir := os.Getenv("GOCOVERDIR"); filepath.IsAbs(dir) {
		e.keep(execOutput{path: dir, tree: true})
	}
}

// checkProgram decides whether the program is the guest's or the host's, and
// refuses one of the host that the guest surely cannot run.
func (e *execution) checkProgram(ctx context.Context, rootDisk string) error {
	name := e.Argv[0]
	if !strings.Contains(name, "/") {
		return nil
	}
	guest := userland.Guest{
		Disk: userland.Disk(rootDisk), LibraryPath: getenv(e.Env, "LD_LIBRARY_PATH") != "", Added: e.brings,
	}
	if e.mounted(name) {
		return e.checkFile(ctx, guest, e.hostPath(name))
	}
	there, err := guest.Disk.Exists(ctx, name)
	if err != nil || there {
		return err
	}
	file, err := filepath.EvalSymlinks(name)
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("run %s: neither the guest nor this host has it", name)
	}
	if err != nil {
		return fmt.Errorf("run %s: %w", name, err)
	}
	if err := e.checkFile(ctx, guest, file); err != nil {
		return err
	}
	e.Mounts, err = checkMounts(append(e.Mounts, Mount{Source: file, Target: name}))
	return err
}

func (e *execution) checkFile(ctx context.Context, guest userland.Guest, file string) error {
	info, err := os.Stat(file)
	switch {
	case err != nil:
		return fmt.Errorf("run %s: %w", e.Argv[0], err)
	case !info.Mode().IsRegular():
		return fmt.Errorf("run %s: not a file", e.Argv[0])
	case info.Mode()&0o111 == 0:
		return fmt.Errorf("run %s: not executable", e.Argv[0])
	}
	if err := guest.Check(ctx, file); err != nil {
		return fmt.Errorf("run %s: %w", e.Argv[0], err)
	}
	return nil
}

// brings tells whether a mount puts something at this path of the guest.
func (e *execution) brings(path string) bool {
	if !e.mounted(path) {
		return false
	}
	_, err := os.Stat(e.hostPath(path))
	return err == nil
}

// hostPath is what the innermost mount shows at a path of the guest.
func (e *execution) hostPath(path string) string {
	source := path
	for _, m := range e.Mounts { // parents first
		if m.Source != "" && liesIn(path, m.Target) {
			source = filepath.Join(m.Source, strings.TrimPrefix(path, m.Target))
		}
	}
	return source
}
