package kmod

import (
	"bufio"
	"fmt"
	"os"
	"strings"
)

// symbols are the configuration symbols of the drivers that a VM needs; a
// .config says nothing about modules otherwise.
var symbols = map[string]string{
	"CONFIG_VIRTIO_PCI":       "virtio_pci",
	"CONFIG_VIRTIO_BLK":       "virtio_blk",
	"CONFIG_VIRTIO_CONSOLE":   "virtio_console",
	"CONFIG_HW_RANDOM_VIRTIO": "virtio_rng",
	"CONFIG_EXT4_FS":          "ext4",
}

// readConfig reads which of the symbols' drivers are built in, and which are
// not. A driver that is a module whose file is not there is absent as well.
func readConfig(path string) (builtin, absent map[string]bool, err error) {
	builtin, absent = map[string]bool{}, map[string]bool{}
	if path == "" {
		return builtin, absent, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, fmt.Errorf("read kernel configuration: %w", err)
	}
	defer f.Close()
	for _, module := range symbols {
		absent[module] = true
	}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		symbol, value, _ := strings.Cut(lines.Text(), "=")
		if module := symbols[symbol]; module != "" && value == "y" {
			builtin[module] = true
			delete(absent, module)
		}
	}
	return builtin, absent, lines.Err()
}
