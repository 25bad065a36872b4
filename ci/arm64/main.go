//go:build linux

// Command arm64 is /init of the guest of ci/arm64.sh: it mounts what the VM
// tests of connsnoop need, runs them with its own arguments, and turns the
// machine off. Its last line says how they ended.
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// mounts are file systems by where they go, in this order.
var mounts = []struct{ dir, kind string }{
	{"/proc", "proc"}, {"/sys", "sysfs"}, {"/dev", "devtmpfs"}, {"/tmp", "tmpfs"},
	{"/sys/fs/cgroup", "cgroup2"}, {"/sys/fs/bpf", "bpf"}, {"/sys/kernel/debug", "debugfs"},
}

func main() {
	if err := run(); err != nil {
		fmt.Println("arm64: FAIL:", err)
	} else {
		fmt.Println("arm64: PASS")
	}
	_ = unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF) // there is nobody to return to
}

func run() error {
	for _, m := range mounts {
		if err := errors.Join(os.MkdirAll(m.dir, 0o755), unix.Mount(m.kind, m.dir, m.kind, 0, "")); err != nil {
			return fmt.Errorf("mount %s: %w", m.dir, err)
		}
	}
	if err := loopbackUp(); err != nil {
		return fmt.Errorf("bring up loopback: %w", err)
	}
	tests := exec.Command("/connsnoop.test", os.Args[1:]...) // what is behind -- on the kernel's command line
	tests.Env = []string{"VMTEST_BIN=/connsnoop", "VMTEST_OUT=/tmp", "VMTEST_SEED=1", "PATH=/", "TMPDIR=/tmp"}
	tests.Stdout, tests.Stderr = os.Stdout, os.Stdout
	return tests.Run()
}

func loopbackUp() error {
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return err
	}
	return netlink.LinkSetUp(lo)
}
