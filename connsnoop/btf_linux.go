package connsnoop

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/cilium/ebpf/btf"

	"namespaces-cgroups-ebpf/internal/kernel"
)

// kernelTypes reads the running kernel's types: its own, or those in a file.
func kernelTypes(path string) (*btf.Spec, error) {
	if path == "" {
		spec, err := btf.LoadKernelSpec()
		if err != nil {
			return nil, fmt.Errorf("read kernel's BTF: %w", err)
		}
		return spec, nil
	}
	file, err := findBTF(path)
	if err != nil {
		return nil, err
	}
	spec, err := btf.LoadSpec(file)
	if err != nil {
		return nil, fmt.Errorf("read BTF: %s: %w", file, err)
	}
	return spec, nil
}

// findBTF returns path, or the file for the running kernel in that directory.
func findBTF(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("read BTF: %w", err)
	}
	if !info.IsDir() {
		return path, nil
	}
	release, err := kernel.Release()
	if err != nil {
		return "", err
	}
	for _, name := range []string{release + ".btf", "vmlinux-" + release, filepath.Join(release, "vmlinux")} {
		if _, err := os.Stat(filepath.Join(path, name)); err == nil {
			return filepath.Join(path, name), nil
		}
	}
	return "", fmt.Errorf("read BTF: nothing for this kernel in %s: no %s.btf", path, release)
}
