package initramfs_test

import (
	"fmt"
	"time"

	"namespaces-cgroups-ebpf/vmtest/internal/initramfs"
)

// modified is a time other than the fixtures have.
var modified = time.Unix(1000, 0)

func ExampleModulePath() {
	fmt.Println(initramfs.ModulePath(3, "virtio_blk"))
	// Output: /modules/03-virtio_blk.ko
}
