package main

import (
	"os"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// standStill is, as x86-64 instructions, cli; rdtsc; shl rdx,32; or rax,rdx;
// mov rcx,0x4a817c800; add rcx,rax; again: pause; rdtsc; shl rdx,32; or rax,rdx;
// cmp rax,rcx; jb again; sti; xor eax,eax; ret: no interrupts for 20e9 ticks of
// the CPU's clock, some 7 seconds.
var standStill = []byte{
	0xfa, 0x0f, 0x31, 0x48, 0xc1, 0xe2, 0x20, 0x48, 0x09, 0xd0,
	0x48, 0xb9, 0x00, 0xc8, 0x17, 0xa8, 0x04, 0x00, 0x00, 0x00, 0x48, 0x01, 0xc1,
	0xf3, 0x90, 0x0f, 0x31, 0x48, 0xc1, 0xe2, 0x20, 0x48, 0x09, 0xd0, 0x48, 0x39, 0xc8, 0x72, 0xf0,
	0xfb, 0x31, 0xc0, 0xc3,
}

// softLockup has the watchdog complain of a CPU that does nothing else.
func softLockup() error { return stall("/proc/sys/kernel/watchdog_thresh", "1") }

// membarrierGlobal is MEMBARRIER_CMD_GLOBAL of linux/membarrier.h.
const membarrierGlobal = 1

// rcuStall has RCU complain of it, for which somebody has to wait for RCU.
func rcuStall() error {
	waits := make(chan error)
	go func() {
		waits <- pin(0)
		for {
			_, _, _ = unix.Syscall(unix.SYS_MEMBARRIER, membarrierGlobal, 0, 0)
		}
	}()
	if err := <-waits; err != nil {
		return err
	}
	return stall("/sys/module/rcupdate/parameters/rcu_cpu_stall_timeout", "3")
}

// stall keeps the last CPU from everything for longer than the kernel is told
// to stand: that one of its settings is lowered to so many seconds.
func stall(setting, seconds string) error {
	if err := os.WriteFile(setting, []byte(seconds), 0); err != nil {
		return err
	}
	module, err := prepare("dummy", standStill)
	if err != nil {
		return err
	}
	if err := pin(runtime.NumCPU() - 1); err != nil {
		return err
	}
	// The watchdog looks only now and then, and begins anew when it is set.
	time.Sleep(2 * time.Second)
	defer time.Sleep(2 * time.Second)
	return unix.InitModule(module.data, "")
}

// pin keeps the calling goroutine on one CPU for good.
func pin(cpu int) error {
	runtime.LockOSThread()
	var set unix.CPUSet
	set.Set(cpu)
	return unix.SchedSetaffinity(0, &set)
}
