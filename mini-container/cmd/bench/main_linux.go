// Command bench measures how long mini-container takes from the start to the
// end of a command that does nothing, beside crun, runc and bubblewrap on the
// same machine; how much memory its supervisor has; and what 1,000 runs leave.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"namespaces-cgroups-ebpf/internal/cli"
)

func main() {
	// Ctrl-C ends everything in order: no process, no file is left.
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	os.Exit(cli.Run(ctx, newRoot(), os.Args[1:], os.Stdout, os.Stderr))
}
