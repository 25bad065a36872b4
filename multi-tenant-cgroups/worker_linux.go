package multitenantcgroups

import (
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// chunk is how much memory a worker makes resident at a time, in bytes, and so
// how exact progress.touched is.
const chunk = 64 << 10

// progress lies in a page that a worker shares with its parent.
type progress struct {
	touched  atomic.Uint64
	unlocked atomic.Uint64
	forks    atomic.Uint64
	errno    atomic.Uint64
	done     atomic.Uint64
}

func (p *progress) snapshot() WorkloadState {
	return WorkloadState{
		Touched: p.touched.Load(),
		Locked:  p.unlocked.Load() == 0,
		Forks:   p.forks.Load(),
		Errno:   int(p.errno.Load()),
		Done:    p.done.Load() != 0,
	}
}

// forkWorker forks a child that waits for one byte from gate and then works.
// It returns the child's pid, or the negative errno.
//
// The child has one thread, which is not the Go runtime's any more: no
// function below may allocate, grow the stack, block in Go or panic. Raw
// system calls, atomics and plain memory are all there is.
//
//go:norace
func forkWorker(gate int, kind string, amount uint64, shared *progress, memory []byte) int {
	memoryKind, pidsKind := kind == workMemory, kind == workPids
	parent, _, _ := unix.RawSyscall(unix.SYS_GETPID, 0, 0, 0)
	pid, errno := rawFork()
	if errno != 0 {
		return -int(errno)
	}
	if pid != 0 {
		return int(pid)
	}
	dieWith(parent)
	var b [1]byte
	if n, _, _ := unix.RawSyscall(unix.SYS_READ, uintptr(gate), uintptr(unsafe.Pointer(&b[0])), 1); n == 1 {
		switch {
		case memoryKind:
			workTouch(shared, memory)
		case pidsKind:
			workFork(shared, amount)
		default:
			workSpin()
		}
	}
	workSleep()
	return 0
}

// dieWith has the kernel end this process when its parent ends, even by
// SIGKILL. The parent may have ended before that was asked for.
//
//go:nosplit
//go:norace
func dieWith(parent uintptr) {
	unix.RawSyscall6(unix.SYS_PRCTL, unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0, 0)
	if now, _, _ := unix.RawSyscall(unix.SYS_GETPPID, 0, 0, 0); now != parent {
		unix.RawSyscall(unix.SYS_EXIT_GROUP, 1, 0, 0)
	}
}

//go:nosplit
//go:norace
func rawFork() (uintptr, unix.Errno) {
	pid, _, errno := unix.RawSyscall6(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
	return pid, errno
}

// workTouch locks the memory chunk by chunk; locking makes it resident. If
// that is not allowed (RLIMIT_MEMLOCK), it writes to each page instead.
//
//go:nosplit
//go:norace
func workTouch(shared *progress, memory []byte) {
	const page = 4096
	for start := 0; start+chunk <= len(memory); start += chunk {
		_, _, errno := unix.RawSyscall(unix.SYS_MLOCK, uintptr(unsafe.Pointer(&memory[start])), chunk, 0)
		if errno != 0 {
			shared.unlocked.Store(1)
		}
		for i := start; i < start+chunk; i += page {
			memory[i] = 1
		}
		shared.touched.Add(chunk)
	}
	shared.done.Store(1)
}

// workFork forks until it was refused or has amount children, all of which
// stay.
//
//go:nosplit
//go:norace
func workFork(shared *progress, amount uint64) {
	self, _, _ := unix.RawSyscall(unix.SYS_GETPID, 0, 0, 0)
	for range amount {
		pid, errno := rawFork()
		if errno != 0 {
			shared.errno.Store(uint64(errno))
			break
		}
		if pid == 0 {
			dieWith(self)
			workSleep()
		}
		shared.forks.Add(1)
	}
	shared.done.Store(1)
}

//go:nosplit
//go:norace
func workSpin() {
	for { //nolint:staticcheck // using a CPU is what it is for
	}
}

// workSleep sleeps until it is killed.
//
//go:nosplit
//go:norace
func workSleep() {
	for {
		unix.RawSyscall6(unix.SYS_PPOLL, 0, 0, 0, 0, 0, 0)
	}
}
