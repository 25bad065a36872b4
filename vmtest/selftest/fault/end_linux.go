package main

import (
	"fmt"
	"os"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// sysrq gives one command to the kernel (admin-guide/sysrq.rst). Some take
// effect a moment later.
func sysrq(key string) error {
	if err := os.WriteFile("/proc/sysrq-trigger", []byte(key), 0); err != nil {
		return err
	}
	return sleep()
}

func powerOff() error { return unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF) }
func restart() error  { return unix.Reboot(unix.LINUX_REBOOT_CMD_RESTART) }
func halt() error     { return unix.Reboot(unix.LINUX_REBOOT_CMD_HALT) }

// endInit makes process 1 call exit_group(2), as a debugger would.
func endInit() error {
	runtime.LockOSThread()
	if err := unix.PtraceAttach(1); err != nil {
		return fmt.Errorf("attach to init: %w", err)
	}
	if _, err := unix.Wait4(1, nil, unix.WALL, nil); err != nil {
		return fmt.Errorf("wait for init: %w", err)
	}
	var regs unix.PtraceRegs
	if err := unix.PtraceGetRegs(1, &regs); err != nil {
		return fmt.Errorf("read registers: %w", err)
	}
	// It was stopped in or behind a system call, whose instruction has 2 bytes.
	regs.Rip -= 2
	regs.Rax, regs.Orig_rax, regs.Rdi = unix.SYS_EXIT_GROUP, ^uint64(0), 7
	if err := unix.PtraceSetRegs(1, &regs); err != nil {
		return fmt.Errorf("write registers: %w", err)
	}
	if err := unix.PtraceDetach(1); err != nil {
		return fmt.Errorf("detach: %w", err)
	}
	return sleep()
}

// sleep outlasts every test.
func sleep() error {
	time.Sleep(time.Hour)
	return nil
}
