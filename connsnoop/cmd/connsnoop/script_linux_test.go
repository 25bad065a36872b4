package main

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"namespaces-cgroups-ebpf/internal/cli/clitest"
)

func TestMain(m *testing.M) { clitest.Main(m, "connsnoop", main) }

func TestScripts(t *testing.T) {
	clitest.Run(t, func(p *testscript.Params) { p.Condition = condition })
}

// condition "notrace" holds where the kernel has no kprobes or the user is
// not root: connsnoop must then refuse.
func condition(name string) (bool, error) {
	if name != "notrace" {
		return false, nil
	}
	_, err := os.Stat("/sys/bus/event_source/devices/kprobe/type")
	return err != nil || os.Geteuid() != 0, nil
}
