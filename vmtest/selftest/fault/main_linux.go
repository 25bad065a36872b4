// Command fault does in a guest what no test should: it ends the kernel, hangs
// it, floods, forges and leaves things behind. The fault suite runs it in
// virtual machines and looks at what is said of it. It refuses to run anywhere
// else.
package main

import (
	"fmt"
	"os"
)

// faults are the things that it can do. Whoever returns nil exits with 0.
var faults = map[string]func() error{
	"nothing": func() error { return nil },

	"panic":    func() error { return sysrq("c") },
	"poweroff": powerOff,
	"reboot":   restart,
	"sysrq-b":  func() error { return sysrq("b") },
	"sysrq-o":  func() error { return sysrq("o") },
	"halt":     halt,
	"end-init": endInit,

	"oops":         func() error { return runInKernel(nullDereference) },
	"triple-fault": func() error { return runInKernel(tripleFault) },
	"warn":         func() error { return complain(isWarning) },
	"bug":          func() error { return complain(isBug) },
	"rcu-stall":    rcuStall,
	"hung-task":    hungTask,

	"sleep":     sleep,
	"real-time": realTime,
	"memory":    eatMemory,
	"clock":     moveClock,

	"flood":      floodOutput,
	"flood-kmsg": floodKernelLog,
	"noise":      noise,
	"say-panic":  sayPanic,

	"forge-garbage":   func() error { return forge(garbage()) },
	"forge-done":      func() error { return forge(forgedDone()) },
	"forge-truncated": func() error { return forge(garbageHeader()) },
	"forge-as-nobody": forgeAsNobody,

	"fill-disk":       fillDisk,
	"artifact-link":   artifactLink,
	"artifact-fifo":   artifactPipe,
	"artifact-sparse": artifactSparse,
	"artifact-noise":  artifactNoise,

	"leave-process": leaveProcess,
	"leave-mount":   leaveMount,
	"leave-cgroup":  leaveCgroup,
}

func main() { os.Exit(run(os.Args[1:])) }

func run(args []string) int {
	if os.Getenv("VMTEST") != "1" || len(args) != 1 || faults[args[0]] == nil {
		fmt.Fprintln(os.Stderr, "fault: want the name of one fault, in a guest")
		return 2
	}
	if err := faults[args[0]](); err != nil {
		fmt.Fprintf(os.Stderr, "fault %s: %v\n", args[0], err)
		return 1
	}
	return 0
}
