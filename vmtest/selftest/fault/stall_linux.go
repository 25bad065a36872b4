package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// standStill is, as x86-64 instructions, cli; rdtsc; shl rdx,32; or rax,rdx;
// mov rcx,0x4a817c800; add rcx,rax; again: pause; rdtsc; shl rdx,32; or rax,rdx;
// cmp rax,rcx; jb again; sti; push -22; pop rax; ret: no interrupts for 20e9 ticks of
// the CPU's clock, some 7 seconds, and then EINVAL, so that no module stays.
var standStill = []byte{
	0xfa, 0x0f, 0x31, 0x48, 0xc1, 0xe2, 0x20, 0x48, 0x09, 0xd0,
	0x48, 0xb9, 0x00, 0xc8, 0x17, 0xa8, 0x04, 0x00, 0x00, 0x00, 0x48, 0x01, 0xc1,
	0xf3, 0x90, 0x0f, 0x31, 0x48, 0xc1, 0xe2, 0x20, 0x48, 0x09, 0xd0, 0x48, 0x39, 0xc8, 0x72, 0xf0,
	0xfb, 0x6a, 0xea, 0x58, 0xc3,
}

// membarrierGlobal is MEMBARRIER_CMD_GLOBAL of linux/membarrier.h.
const membarrierGlobal = 1

// rcuLimit is how many seconds RCU waits for a CPU before it complains.
const rcuLimit = "/sys/module/rcupdate/parameters/rcu_cpu_stall_timeout"

// rcuStall keeps the last CPU from everything for longer than RCU is told to
// stand, while somebody waits for RCU. One try may not do: what prints in
// between sets the kernel's patience anew.
func rcuStall() error {
	log, err := unix.Open("/dev/kmsg", unix.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer unix.Close(log)
	if err := os.WriteFile(rcuLimit, []byte("3"), 0); err != nil {
		return err
	}
	if err := waitForRCU(0); err != nil {
		return err
	}
	module, err := prepare("dummy", standStill)
	if err != nil {
		return err
	}
	if err := pin(runtime.NumCPU() - 1); err != nil {
		return err
	}
	for range 5 {
		if err := unix.InitModule(module.data, ""); !errors.Is(err, unix.EINVAL) {
			return fmt.Errorf("load module: %w", err)
		}
		time.Sleep(time.Second)
		if said(log, "detected stall") {
			return nil
		}
	}
	return errors.New("the kernel speaks of no stall")
}

// waitForRCU does so for good, on a CPU.
func waitForRCU(cpu int) error {
	waits := make(chan error)
	go func() {
		waits <- pin(cpu)
		for {
			_, _, _ = unix.Syscall(unix.SYS_MEMBARRIER, membarrierGlobal, 0, 0)
		}
	}()
	return <-waits
}

// said tells whether the kernel log holds a text, in what was not read yet.
func said(log int, text string) bool {
	record := make([]byte, 8<<10)
	for {
		n, err := unix.Read(log, record)
		if err != nil && !errors.Is(err, unix.EPIPE) { // that is: some are lost
			return false
		}
		if bytes.Contains(record[:max(0, n)], []byte(text)) {
			return true
		}
	}
}

// pin keeps the calling goroutine on one CPU for good.
func pin(cpu int) error {
	runtime.LockOSThread()
	var set unix.CPUSet
	set.Set(cpu)
	return unix.SchedSetaffinity(0, &set)
}
