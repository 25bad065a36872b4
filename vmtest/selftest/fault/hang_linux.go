package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// realTime keeps every CPU busy with what nothing may interrupt: process 1 gets
// none.
func realTime() error {
	if err := os.WriteFile("/proc/sys/kernel/sched_rt_runtime_us", []byte("-1"), 0); err != nil {
		return err
	}
	// Since 6.12 the kernel keeps a share for ordinary processes all the same.
	servers, _ := filepath.Glob("/sys/kernel/debug/sched/fair_server/cpu*/runtime")
	for _, file := range servers {
		if err := os.WriteFile(file, []byte("0"), 0); err != nil {
			return err
		}
	}
	var ready atomic.Int32
	for cpu := range runtime.NumCPU() {
		go spin(cpu, &ready)
	}
	return sleep()
}

// spin takes one CPU. All wait until each is on its own: a thread that is begun
// by one that spins already would never run.
func spin(cpu int, ready *atomic.Int32) {
	if err := pin(cpu); err != nil {
		panic(err)
	}
	ready.Add(1)
	for int(ready.Load()) < runtime.NumCPU() {
		runtime.Gosched()
	}
	attr := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO, Priority: 99}
	if err := unix.SchedSetAttr(0, &attr, 0); err != nil {
		panic(err)
	}
	for { //nolint:staticcheck // that is the fault
	}
}

// eatMemory writes to more memory than there is. The kernel takes it first.
func eatMemory() error {
	if err := os.WriteFile("/proc/self/oom_score_adj", []byte("1000"), 0); err != nil {
		return err
	}
	const step = 64 << 20
	for {
		piece, err := unix.Mmap(-1, 0, step, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
		if err != nil {
			return fmt.Errorf("map memory: %w", err)
		}
		for i := 0; i < step; i += 4096 {
			piece[i] = 1
		}
	}
}

// moveClock sets the time ten years ahead, waits a little, and five years back.
func moveClock() error {
	for _, years := range []int{10, -5} {
		then := unix.NsecToTimespec(time.Now().AddDate(years, 0, 0).UnixNano())
		if err := unix.ClockSettime(unix.CLOCK_REALTIME, &then); err != nil {
			return fmt.Errorf("set clock: %w", err)
		}
		time.Sleep(300 * time.Millisecond)
	}
	return nil
}

// hungTask writes to a file system that is frozen, and has the kernel complain
// about that after a second.
func hungTask() error {
	for name, value := range map[string]string{"hung_task_timeout_secs": "1", "hung_task_check_interval_secs": "1"} {
		if err := os.WriteFile("/proc/sys/kernel/"+name, []byte(value), 0); err != nil {
			return err
		}
	}
	const dir = "/run/frozen"
	if err := frozen(dir); err != nil {
		return err
	}
	go func() { _ = os.Mkdir(dir+"/x", 0o755) }()
	time.Sleep(8 * time.Second)
	root, err := unix.Open(dir, unix.O_RDONLY, 0)
	if err != nil {
		return err
	}
	thaw := 0
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(root), fiThaw, uintptr(unsafe.Pointer(&thaw))); errno != 0 {
		return errno
	}
	unix.Close(root)
	time.Sleep(time.Second)
	return unix.Unmount(dir, unix.MNT_DETACH)
}

// FIFREEZE and FITHAW of linux/fs.h.
const (
	fiFreeze = 0xc0045877
	fiThaw   = 0xc0045878
)
