// Command vmtest runs tests on real kernels in virtual machines. The same
// static binary is the host's command and, as process 1, the guest's init.
package main

import (
	"os"

	"namespaces-cgroups-ebpf/vmtest/internal/guest"
)

func main() {
	if os.Getpid() == 1 {
		guest.Main()
	}
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}
