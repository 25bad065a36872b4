//go:build !linux

package bpftour

import (
	"os"
	"syscall"
)

// There is no bpftrace on other systems; tests with a fake one run there.
func childAttr() *syscall.SysProcAttr { return nil }

func killGroup(p *os.Process) { _ = p.Kill() }
