// Command bpf-tour runs bpftrace recipes and prints what they show.
package main

import (
	"context"
	"os"

	"namespaces-cgroups-ebpf/internal/cli"
)

func main() {
	os.Exit(cli.Run(context.Background(), newRoot(), os.Args[1:], os.Stdout, os.Stderr))
}
