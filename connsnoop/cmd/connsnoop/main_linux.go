// Command connsnoop prints one record for each TCP connection that ends.
package main

import (
	"context"
	"os"

	"namespaces-cgroups-ebpf/internal/cli"
)

func main() {
	os.Exit(cli.Run(context.Background(), newRoot(), os.Args[1:], os.Stdout, os.Stderr))
}
