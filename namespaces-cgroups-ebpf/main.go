// Command namespaces-cgroups-ebpf is the course driver: it checks a machine
// before the labs are run on it.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"namespaces-cgroups-ebpf/internal/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	os.Exit(cli.Run(ctx, newRoot(), os.Args[1:], os.Stdout, os.Stderr))
}
