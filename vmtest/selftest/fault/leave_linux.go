package main

import (
	"fmt"
	"os"
	"os/exec"

	"golang.org/x/sys/unix"
)

func leaveProcess() error {
	cmd := exec.Command("sleep", "3600")
	cmd.SysProcAttr = &unix.SysProcAttr{Setsid: true}
	return cmd.Start()
}

func leaveMount() error {
	if err := os.MkdirAll("/tmp/left", 0o755); err != nil {
		return err
	}
	if err := unix.Mount("none", "/tmp/left", "tmpfs", 0, ""); err != nil {
		return fmt.Errorf("mount: %w", err)
	}
	return nil
}

func leaveCgroup() error { return os.Mkdir("/sys/fs/cgroup/left", 0o755) }
