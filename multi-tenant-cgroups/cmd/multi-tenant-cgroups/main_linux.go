// Command multi-tenant-cgroups puts tenants into cgroups with limits and
// proves that the kernel enforces them.
package main

import (
	"fmt"
	"os"

	"namespaces-cgroups-ebpf/internal/exitcode"
)

func main() {
	err := run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
	}
	os.Exit(exitcode.Of(err))
}
