package health

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"namespaces-cgroups-ebpf/vmtest/internal/image"
	"namespaces-cgroups-ebpf/vmtest/internal/qemu"
)

// runWait bounds each program that a check runs.
const runWait = 20 * time.Second

// ThisMachine is the machine that the program runs on.
func ThisMachine() Machine {
	return Machine{
		Arch: runtime.GOARCH, CPUs: runtime.NumCPU(), Memory: availableMemory,
		LookPath: image.LookPath, Run: run, QEMU: qemu.Version,
		Accelerator: func(ctx context.Context) (qemu.Accelerator, error) { return qemu.Prober{}.Choose(ctx, "auto") },
		Space:       space, Writable: writable,
		Exists: func(path string) bool { _, err := os.Stat(path); return err == nil },
	}
}

func run(ctx context.Context, argv ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, runWait)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.WaitDelay = time.Second
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.String(), err
}

// availableMemory is MemAvailable of proc_meminfo(5), in bytes.
func availableMemory() int64 {
	data, _ := os.ReadFile("/proc/meminfo")
	for line := range bytes.Lines(data) {
		fields := bytes.Fields(line)
		if len(fields) >= 2 && string(fields[0]) == "MemAvailable:" {
			kib, _ := strconv.ParseInt(string(fields[1]), 10, 64)
			return kib << 10
		}
	}
	return 0
}

// existing is dir or the directory above it that is there.
func existing(dir string) string {
	for {
		if _, err := os.Stat(dir); err == nil || dir == filepath.Dir(dir) {
			return dir
		}
		dir = filepath.Dir(dir)
	}
}

func space(dir string) (Space, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(existing(dir), &st); err != nil {
		return Space{}, fmt.Errorf("look for free space: %w", err)
	}
	memory := st.Type == unix.TMPFS_MAGIC || st.Type == unix.RAMFS_MAGIC
	return Space{FreeBytes: int64(st.Bavail) * st.Bsize, Memory: memory}, nil
}

// writable tries it: permissions do not tell of read-only mounts and quotas.
func writable(dir string) error {
	dir = existing(dir)
	f, err := os.CreateTemp(dir, ".vmtest-doctor-")
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}
