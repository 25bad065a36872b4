package kernels

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// image gets a kernel image of this machine into the cache, with its modules
// if there are any.
func (i *importer) image(ctx context.Context, kind Kind, image, modules, config string) (Kernel, error) {
	f, done, err := openFile(image)
	if err != nil {
		return Kernel{}, unavailable(err)
	}
	defer done()
	release, err := releaseOf(f)
	if err != nil {
		return Kernel{}, fmt.Errorf("%s: %w", image, err)
	}
	p, source := parts{image: f}, FromLocal
	if kind == KindHost {
		source = FromHost
	}
	sum, err := f.sum()
	if err != nil {
		return Kernel{}, err
	}
	p.packages = []Package{{Name: filepath.Base(image), File: filepath.Base(image), SHA256: sum, Source: source}}
	texts := []string{sum}
	if modules != "" {
		root, sum, err := openModules(modules, release)
		if err != nil {
			return Kernel{}, err
		}
		defer root.Close()
		p.modules = file{root, "."}
		p.packages = append(p.packages, Package{Name: "modules", SHA256: sum, Source: source})
		texts = append(texts, sum)
	}
	if config != "" {
		c, done, err := openFile(config)
		if err == nil {
			defer done()
			p.config = c
		}
	}
	return i.store.bring(ctx, recipe{
		kind: kind, key: keyOf(texts...), needBytes: 64 << 20,
		build: func(context.Context, string) (parts, func(), error) { return p, func() {}, nil },
	})
}

// openModules finds a release's modules in a directory that is lib/modules/REL
// itself or anything above it, such as an INSTALL_MOD_PATH.
func openModules(dir, release string) (*os.Root, string, error) {
	for _, sub := range []string{"lib/modules/" + release, "usr/lib/modules/" + release, release, "."} {
		path := filepath.Join(dir, sub)
		if info, err := os.Stat(path); err != nil || !info.IsDir() {
			if sub == "." {
				return nil, "", unavailable(notDir(path, err))
			}
			continue
		}
		if sub == "." && !hasModules(path) {
			return nil, "", fmt.Errorf("%s has no modules of kernel %s (no lib/modules/%s, no modules.order, no .ko)", dir, release, release)
		}
		root, err := os.OpenRoot(path)
		if err != nil {
			return nil, "", err
		}
		sum, err := file{root, "."}.treeSum()
		if err != nil {
			root.Close()
			return nil, "", fmt.Errorf("read modules: %w", err)
		}
		return root, sum, nil
	}
	return nil, "", errors.New("unreachable") // the last one returns
}

func notDir(path string, err error) error {
	if err == nil {
		return fmt.Errorf("%s is not a directory", path)
	}
	return err
}

// hasModules tells a modules directory from any other.
func hasModules(dir string) bool {
	for _, name := range []string{"modules.order", "modules.dep", "kernel"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			return true
		}
	}
	return false
}

// host gets the running machine's kernel: what boots here, boots in a VM.
func (i *importer) host(ctx context.Context) (Kernel, error) {
	data, err := os.ReadFile(filepath.Join(i.root, "proc/sys/kernel/osrelease"))
	if err != nil {
		return Kernel{}, fmt.Errorf("find this machine's kernel: %w", err)
	}
	release := strings.TrimSpace(string(data))
	image, err := i.hostImage(release)
	if err != nil {
		return Kernel{}, err
	}
	modules := filepath.Join(i.root, "lib/modules", release)
	if _, err := os.Stat(modules); err != nil {
		modules = ""
	}
	k, err := i.image(ctx, KindHost, image, modules, filepath.Join(i.root, "boot", "config-"+release))
	if err == nil && k.Release != release {
		return Kernel{}, fmt.Errorf("this machine runs %s, but %s is %s", release, image, k.Release)
	}
	return k, err
}

// hostImage looks where distributions keep the running kernel. Ubuntu lets
// only root read it.
func (i *importer) hostImage(release string) (string, error) {
	names := []string{"boot/vmlinuz-" + release, "usr/lib/modules/" + release + "/vmlinuz", "lib/modules/" + release + "/vmlinuz"}
	for _, name := range names {
		path := filepath.Join(i.root, name)
		f, err := os.Open(path)
		if err == nil {
			f.Close()
			return path, nil
		}
		if errors.Is(err, fs.ErrPermission) {
			return "", fmt.Errorf("read this machine's kernel: %w (only root may: sudo chmod a+r %s)", err, path)
		}
	}
	return "", fmt.Errorf("kernel host: %w: this machine runs %s and has none of /%s (a container has not, nor a virtual machine whose kernel comes from outside)",
		ErrUnavailable, release, strings.Join(names, ", /"))
}
