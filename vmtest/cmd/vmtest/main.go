// Command vmtest runs tests on real kernels in virtual machines. Command
// vmtest-init, which belongs beside it, is what the guests run.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"namespaces-cgroups-ebpf/internal/cli"
)

func main() {
	// Ctrl-C ends everything in order: no QEMU, no temporary file is left.
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	os.Exit(cli.Run(ctx, newRoot(), os.Args[1:], os.Stdout, os.Stderr))
}
