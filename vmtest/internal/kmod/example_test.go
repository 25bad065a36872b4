package kmod_test

import (
	"fmt"
	"os"
	"path/filepath"

	"namespaces-cgroups-ebpf/vmtest/internal/kmod"
)

func ExampleIndex_Order() {
	dir, _ := os.MkdirTemp("", "kmod")
	defer os.RemoveAll(dir)
	modules := filepath.Join(dir, "lib", "modules", "6.1.0-1-test")
	_ = os.MkdirAll(modules, 0o755)
	_ = os.WriteFile(filepath.Join(modules, "modules.builtin"), []byte("kernel/fs/ext4/ext4.ko\n"), 0o644)
	_ = os.WriteFile(filepath.Join(modules, "virtio.ko"), object("depends="), 0o644)
	_ = os.WriteFile(filepath.Join(modules, "virtio_blk.ko"), object("depends=virtio"), 0o644)

	index, _ := kmod.Load(modules, "")
	order, _ := index.Order("ext4", "virtio-blk")
	fmt.Println(order)
	_, err := index.Order("virtio_console")
	fmt.Println(err)
	// Output:
	// [virtio virtio_blk]
	// kernel 6.1.0-1-test has neither built-in nor module virtio_console
}
