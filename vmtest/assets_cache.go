package vmtest

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"namespaces-cgroups-ebpf/vmtest/internal/image"
	"namespaces-cgroups-ebpf/vmtest/internal/initramfs"
	"namespaces-cgroups-ebpf/vmtest/internal/kernels"
)

//go:embed kernels.json
var kernelList []byte

// kernelSource is where kernels come from. One source serves all kernels of a
// run: it remembers a mirror that is down.
func kernelSource(c Config, log func(string)) (*kernels.Sources, error) {
	list, err := kernels.ParseList(kernelList)
	if err != nil {
		return nil, err
	}
	return kernels.New(kernels.Config{
		CacheDir: c.CacheDir, List: list, PackageDir: c.PackageDir, Mirrors: c.mirrors(), Log: log,
	})
}

// ImageStore builds root disks and keeps them in the cache.
type ImageStore = image.Store

// Images opens the root disks of a Config's cache. log gets a line per stage of
// a build; it may be nil.
func Images(c Config, log func(string)) ImageStore {
	return imageStore(c.withDefaults(), log)
}

func imageStore(c Config, log func(string)) ImageStore {
	return ImageStore{CacheDir: c.CacheDir, Mirrors: c.mirrors(), Module: c.Module, Progress: lineWriter(log)}
}

// buildImage gets the root disk into the cache.
func buildImage(ctx context.Context, c Config, log func(string)) (image.Image, error) {
	return imageStore(c, log).Build(ctx, c.Image)
}

func (c Config) mirrors() string {
	if len(c.Mirrors) > 0 {
		return strings.Join(c.Mirrors, ",")
	}
	return os.Getenv("VMTEST_MIRRORS")
}

// lineWriter passes on each line; nil for a nil log.
type lineWriter func(string)

// Write implements io.Writer.
func (w lineWriter) Write(p []byte) (int, error) {
	if w == nil {
		return len(p), nil
	}
	for line := range strings.Lines(string(p)) {
		w(strings.TrimRight(line, "\r\n"))
	}
	return len(p), nil
}

// cachedModulesDisk returns the kernel's modules as a disk, read-only for the
// guest: everything below /lib/modules.
func cachedModulesDisk(ctx context.Context, c Config, k kernels.Kernel) (string, error) {
	dir := filepath.Join(c.CacheDir, "modules")
	path := filepath.Join(dir, k.ID+".ext4")
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("make modules disk: %w (the cache is %s; VMTEST_CACHE names another)", err, c.CacheDir)
	}
	size, err := treeSize(k.ModulesDir)
	if err != nil {
		return "", fmt.Errorf("make modules disk: %w", err)
	}
	temp := fmt.Sprintf("%s.tmp.%d", path, os.Getpid())
	defer os.Remove(temp)
	if err := image.Ext4FromDir(ctx, filepath.Dir(k.ModulesDir), temp, size+size/4+64<<20, "modules", image.Owner{}); err != nil {
		return "", fmt.Errorf("make modules disk: %w", err)
	}
	if err := settled(temp); err != nil {
		return "", fmt.Errorf("make modules disk: %w", err)
	}
	return path, os.Rename(temp, path)
}

// settled waits until a file is really on the disk: one that a power cut leaves
// half written must not have its final name.
func settled(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// treeSize adds up the files below dir, in whole blocks of 4 KiB.
func treeSize(dir string) (int64, error) {
	var size int64
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			size += (info.Size() + 4095) &^ 4095
		}
		return err
	})
	return size, err
}

// initrd is an initramfs that QEMU can load.
type initrd struct {
	data   []byte
	sha256 string
}

// buildInitramfs packs init and the modules that reach the disks.
func (a *assets) buildInitramfs() (initrd, error) {
	spec := initramfs.Spec{}
	var err error
	if spec.Init, err = findInit(a.config); err != nil {
		return initrd{}, err
	}
	wanted := slices.DeleteFunc(slices.Concat(bootModules, optionalModules), func(name string) bool { return !a.modules.Has(name) })
	names, err := a.modules.Order(wanted...)
	if err != nil {
		return initrd{}, err
	}
	for _, name := range names {
		data, err := a.modules.Read(name)
		if err != nil {
			return initrd{}, err
		}
		spec.Modules = append(spec.Modules, initramfs.Module{Name: name, Data: data})
	}
	var archive bytes.Buffer
	if err := initramfs.Build(&archive, spec); err != nil {
		return initrd{}, err
	}
	return initrd{archive.Bytes(), sumOf(archive.Bytes())}, nil
}

// writeInitramfs puts it where QEMU can load it.
func (a *assets) writeInitramfs(path string) error {
	archive, err := a.initramfs()
	if err != nil {
		return err
	}
	if err := os.WriteFile(path, archive.data, 0o600); err != nil {
		return fmt.Errorf("create initramfs: %w", err)
	}
	return nil
}
