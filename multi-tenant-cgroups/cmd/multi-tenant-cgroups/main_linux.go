// Command multi-tenant-cgroups puts tenants into cgroups with limits and
// proves that the kernel enforces them.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"namespaces-cgroups-ebpf/internal/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	os.Exit(cli.Run(ctx, newRoot(), os.Args[1:], os.Stdout, os.Stderr))
}
