package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"unsafe"

	"golang.org/x/sys/unix"
)

// frozen mounts a file system of the scratch disk and freezes it.
func frozen(dir string) error {
	const disk = "/dev/disk/by-id/virtio-scratch"
	if out, err := exec.Command("mke2fs", "-q", "-F", disk, "65536").CombinedOutput(); err != nil {
		return fmt.Errorf("make file system: %w: %s", err, out)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := unix.Mount(disk, dir, "ext4", 0, ""); err != nil {
		return fmt.Errorf("mount scratch: %w", err)
	}
	root, err := unix.Open(dir, unix.O_RDONLY, 0)
	if err != nil {
		return err
	}
	defer unix.Close(root)
	freeze := 0
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(root), fiFreeze, uintptr(unsafe.Pointer(&freeze))); errno != 0 {
		return fmt.Errorf("freeze: %w", errno)
	}
	return nil
}

// fillDisk fills what artifacts are kept on, and then cannot write its own.
func fillDisk() error {
	hog, err := os.Create("/run/hog")
	if err != nil {
		return err
	}
	defer hog.Close()
	piece := make([]byte, 1<<20)
	for err == nil {
		_, err = hog.Write(piece)
	}
	return writeArtifact(make([]byte, 64<<10))
}

func artifactPath() string { return filepath.Join(os.Getenv("VMTEST_OUT"), "out.json") }

func writeArtifact(data []byte) error { return os.WriteFile(artifactPath(), data, 0o644) }

func artifactLink() error { return os.Symlink("/etc/passwd", artifactPath()) }
func artifactPipe() error { return unix.Mkfifo(artifactPath(), 0o644) }

// artifactSparse claims a terabyte and has a block.
func artifactSparse() error {
	if err := writeArtifact([]byte("{")); err != nil {
		return err
	}
	return os.Truncate(artifactPath(), 1<<40)
}

// artifactNoise is no UTF-8, and has NUL bytes in it.
func artifactNoise() error {
	return writeArtifact([]byte("{\"schema\":\"doctor/v1\",\"x\":\"\xff\xfe\x00\"}\n"))
}
