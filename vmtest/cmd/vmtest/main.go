// Command vmtest runs tests on real kernels in virtual machines. The same
// static binary is the host's command and, as process 1, the guest's init.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"namespaces-cgroups-ebpf/internal/cli"
	"namespaces-cgroups-ebpf/internal/exitcode"
	"namespaces-cgroups-ebpf/vmtest/internal/guest"
)

func main() {
	// The kernel hands vmtest=1 of its command line to init as a variable. A
	// process 1 without it is the entry point of a container, not a guest.
	if os.Getpid() == 1 && os.Getenv("vmtest") == "1" {
		guest.Main()
	}
	if os.Getenv("vmtest") == "agent" { // a unit of a guest that has systemd
		guest.Agent()
		os.Exit(exitcode.Usage) // it is none
	}
	// Ctrl-C ends everything in order: no QEMU, no temporary file is left.
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	os.Exit(cli.Run(ctx, newRoot(), os.Args[1:], os.Stdout, os.Stderr))
}
