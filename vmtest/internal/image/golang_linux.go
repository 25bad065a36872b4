package image

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// addGo puts toolchain, modules and a warm build cache into tree.
func (b *builder) addGo(ctx context.Context, tree string) error {
	g := b.recipe.Go
	if g == nil {
		return nil
	}
	b.say("copying %s", g.Version)
	if err := b.inside(ctx, "sh", "-c", copyGo, "copy", g.root, filepath.Join(tree, guestGoRoot)); err != nil {
		return fmt.Errorf("copy toolchain: %w", err)
	}
	if err := os.WriteFile(filepath.Join(tree, guestGoRoot, "go.env"), []byte(goEnv), 0o644); err != nil {
		return fmt.Errorf("configure toolchain: %w", err)
	}
	module := filepath.Join(tree, guestModule)
	if err := g.copyModuleFiles(module); err != nil {
		return err
	}
	b.say("getting the modules of %s", g.Module)
	if err := b.downloadModules(ctx, tree, module); err != nil {
		return err
	}
	packages, err := b.importedPackages(ctx)
	if err != nil {
		return err
	}
	b.say("warming the build cache")
	if err := b.inside(ctx, append([]string{"sh", "-c", warmScript, "warm.sh", tree}, packages...)...); err != nil {
		return fmt.Errorf("warm build cache: %w", err)
	}
	return nil
}

// copyGo copies the toolchain $1 to $2 without what no build reads.
const copyGo = `set -eu
mkdir -p "$2"
cd "$1"
tar -c --exclude=./test --exclude=./api --exclude=./doc --exclude=testdata --exclude='*_test.go' . |
	tar -x --no-same-owner -C "$2"`

func (b *builder) say(format string, args ...any) {
	fmt.Fprintf(b.options.Progress, "image "+b.recipe.Name+": "+format+"\n", args...)
}

// copyModuleFiles makes the module in whose name packages are built.
func (g *Go) copyModuleFiles(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("copy module files: %w", err)
	}
	for _, name := range []string{"go.mod", "go.sum"} {
		data, err := os.ReadFile(filepath.Join(g.dir, name))
		if errors.Is(err, fs.ErrNotExist) && name == "go.sum" {
			continue
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), data, 0o644)
		}
		if err != nil {
			return fmt.Errorf("copy module files: %w", err)
		}
	}
	return nil
}

// downloadModules fills the guest's module cache, from this machine's as far as
// that goes; go.sum says what the right bytes are.
func (b *builder) downloadModules(ctx context.Context, tree, module string) error {
	g := b.recipe.Go
	local := "file://" + filepath.ToSlash(filepath.Join(g.modCache, "cache/download"))
	var log bytes.Buffer
	err := b.run(ctx, command{
		argv:   []string{filepath.Join(g.root, "bin", "go"), "-C", module, "mod", "download", "-modcacherw"},
		env:    []string{"GOMODCACHE=" + filepath.Join(tree, guestModules), "GOPROXY=" + local + "," + g.proxy, "GOFLAGS=", "GOTOOLCHAIN=local", "GOWORK=off"},
		output: &log,
	})
	if err == nil || ctx.Err() != nil {
		return err
	}
	return fmt.Errorf("get modules: %w: %s", err, tail(log.String(), logTail))
}

// importedPackages lists the packages of other modules that this one imports,
// tests included: what a build of it finds in the cache.
func (b *builder) importedPackages(ctx context.Context) ([]string, error) {
	g := b.recipe.Go
	var out bytes.Buffer
	err := b.run(ctx, command{
		argv: []string{filepath.Join(g.root, "bin", "go"), "-C", g.dir, "list", "-deps", "-test", "-tags=vmtest",
			"-f", "{{if and .Module (not .ForTest)}}{{if not .Module.Main}}{{.ImportPath}}{{end}}{{end}}", "./..."},
		env: []string{"CGO_ENABLED=0", "GOOS=linux", "GOFLAGS=", "GOTOOLCHAIN=local", "GOWORK=off"}, output: &out,
	})
	if err != nil {
		if ctx.Err() != nil {
			return nil, err
		}
		return nil, fmt.Errorf("list imported packages: %w: %s", err, tail(out.String(), logTail))
	}
	return strings.Fields(out.String()), nil
}
