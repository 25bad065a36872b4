// Command mini-container runs a command in a container built by hand.
package main

import (
	"os"

	minicontainer "namespaces-cgroups-ebpf/mini-container"
)

func main() {
	if minicontainer.IsChild() {
		os.Exit(minicontainer.Child())
	}
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}
