// Command namespaces-cgroups-ebpf is the course driver: it checks a machine
// before the labs are run on it.
package main

import "os"

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}
