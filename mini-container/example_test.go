package minicontainer_test

import (
	"fmt"

	minicontainer "namespaces-cgroups-ebpf/mini-container"
)

// The configuration is that of the OCI runtime specification.
func ExampleNewSpec() {
	spec := minicontainer.NewSpec(minicontainer.Options{
		Rootfs: "alpine", Hostname: "demo", Args: []string{"sh"}, UserNS: true, HostUID: 1000, HostGID: 1000,
	})
	fmt.Println(spec.Hostname, spec.Process.Args, spec.Root.Path)
	for _, ns := range spec.Linux.Namespaces {
		fmt.Print(ns.Type, " ")
	}
	// Output:
	// demo [sh] alpine
	// user pid mount uts ipc network cgroup
}

// A field that would be ignored is refused.
func ExampleValidate() {
	spec := minicontainer.NewSpec(minicontainer.Options{Rootfs: "alpine", Args: []string{"sh"}})
	spec.Domainname = "example"
	fmt.Println(minicontainer.Validate(spec))
	// Output: domainname is not supported yet
}
