//go:build selftest && linux

package selftest

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"namespaces-cgroups-ebpf/vmtest"
)

var record = flag.Bool("record", false, "test nothing, but record clean boots anew for the splat lists' tests")

// recordCleanBoots writes what a healthy boot of each kernel says, the
// fixtures of internal/verdict: every line of the kernel log as /dev/kmsg gives
// it, and the console with everything on it.
func recordCleanBoots(ctx context.Context) error {
	dir := filepath.Join(repo, "vmtest", "internal", "verdict", "testdata", "boots")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, kernel := range series() {
		if err := recordBoot(ctx, kernel, dir); err != nil {
			return fmt.Errorf("record boot of %s: %w", kernel, err)
		}
	}
	return nil
}

func recordBoot(ctx context.Context, kernel, dir string) (err error) {
	vm, err := vmtest.Boot(ctx, vmtest.Config{Kernel: kernel, Init: guestInit(), Cold: true, KernelArgs: []string{"ignore_loglevel"}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, vm.Close()) }()
	// dd ends with EAGAIN at the end of the log.
	kmsg, _ := vm.Command("/usr/bin/dd", "if=/dev/kmsg", "iflag=nonblock", "bs=8192", "status=none").Output()
	if len(kmsg) == 0 {
		return errors.New("the kernel log is empty")
	}
	if err := vm.Shutdown(ctx); err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(filepath.Join(dir, "kmsg-"+kernel+".txt"), kmsg, 0o644),
		os.WriteFile(filepath.Join(dir, "console-"+kernel+".txt"), vm.Console(), 0o644))
}
