package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// namedNetns is where ip-netns(8) keeps namespaces that have names.
const namedNetns = "/run/netns"

// parseNetns takes an inode, a path such as /proc/1/ns/net, or a name that
// ip-netns(8) gave.
func parseNetns(text string) (uint64, error) {
	if inode, err := strconv.ParseUint(text, 10, 32); err == nil && inode > 0 {
		return inode, nil
	}
	if text == "" {
		return 0, errors.New("must be an inode, a path such as /proc/1/ns/net, or a name in " + namedNetns)
	}
	if !strings.Contains(text, "/") {
		text = filepath.Join(namedNetns, text)
	}
	return netnsInode(text)
}

func netnsInode(path string) (uint64, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0) // a FIFO must not block us
	if err != nil {
		return 0, fmt.Errorf("open network namespace: %w", err)
	}
	defer file.Close()
	kind, err := unix.IoctlRetInt(int(file.Fd()), unix.NS_GET_NSTYPE)
	if err != nil || kind != unix.CLONE_NEWNET {
		return 0, fmt.Errorf("%s is no network namespace", path)
	}
	info, err := file.Stat()
	if err != nil {
		return 0, fmt.Errorf("look at network namespace: %w", err)
	}
	return info.Sys().(*syscall.Stat_t).Ino, nil
}
