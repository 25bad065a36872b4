package vmtest_test

import (
	"context"
	"fmt"
	"log"

	"namespaces-cgroups-ebpf/vmtest"
)

// Boot a kernel, run a command in it, and power off. This is compiled but not
// run as an example: it needs QEMU and half a minute.
func ExampleBoot() {
	ctx := context.Background()
	vm, err := vmtest.Boot(ctx, vmtest.Config{Kernel: "6.12"})
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = vm.Close() }()
	out, err := vm.Command("/usr/bin/uname", "-r").Output()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s", out)
	if err := vm.Shutdown(ctx); err != nil {
		log.Fatal(err)
	}
}
