// Package minicontainer builds a container by hand: one clone(2) into new
// namespaces, a list of ordinary system calls, one execve(2).
//
// Read the files in this order: spec.go (what is asked for), steps.go and
// lifecycle_linux.go (the two lists of steps: the map of everything else),
// run_linux.go, supervisor_linux.go and clone_linux.go (the outside),
// child_linux.go (the inside), rootfs_linux.go, mount_linux.go, dev_linux.go,
// process_linux.go, command_linux.go and caps_linux.go (its steps),
// observe_linux.go and report.go (what the kernel says came of it). The packages
// internal/record (what a run does), internal/inspect (what isolates any
// process) and internal/diagram stand apart.
//
// Gotcha: the supervisor starts its own executable again as the first process
// of the container, so a program that uses this package must begin main with
//
//	if minicontainer.IsChild() {
//		os.Exit(minicontainer.Child())
//	}
package minicontainer
