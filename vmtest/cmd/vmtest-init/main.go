// Command vmtest-init is process 1 of a guest, and under systemd the agent that
// serves the host there. It is a program of its own because each boot loads it
// and, emulated, runs the initialisation of every package in it: those of the
// host's command alone cost half a second.
package main

import (
	"os"

	"namespaces-cgroups-ebpf/internal/exitcode"
	"namespaces-cgroups-ebpf/vmtest/internal/guest"
)

func main() {
	if os.Getenv("vmtest") == "agent" { // a unit of a guest that has systemd
		guest.Agent()
	} else {
		guest.Main()
	}
	os.Exit(exitcode.Usage) // this is no guest
}
