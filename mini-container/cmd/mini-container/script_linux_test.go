package main

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"namespaces-cgroups-ebpf/internal/cli/clitest"
	minicontainer "namespaces-cgroups-ebpf/mini-container"
)

func TestMain(m *testing.M) {
	if minicontainer.IsChild() {
		os.Exit(minicontainer.Child())
	}
	clitest.Main(m, name, main)
}

func TestScripts(t *testing.T) {
	clitest.Run(t, func(p *testscript.Params) {
		p.Condition = func(condition string) (bool, error) {
			if condition == "userns" {
				return userNamespaces(), nil
			}
			return false, errors.New("unknown condition")
		}
	})
}

// userNamespaces reports whether this machine lets us have one.
func userNamespaces() bool {
	cmd := exec.Command("/proc/self/exe", "-test.run=^$")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS | syscall.CLONE_NEWNET,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}},
	}
	return cmd.Run() == nil
}
