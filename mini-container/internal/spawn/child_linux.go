package spawn

import (
	"math"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Everything below fork runs in a process without the other threads of this
// one. Whatever they have locked stays locked as long as it lives, so there is
// nothing here but system calls: no function that may grow the stack or be
// preempted (nosplit), no memory of its own, no Go signal handlers (all
// signals are blocked until the exec).
//
// If it can, the new process borrows our memory and this thread stands still
// until its exec, as after vfork(2). A copy would cost a millisecond: all page
// tables, and then a fault for each page that we write to.

// fork returns in the caller only.
//
//go:noinline
//go:norace
func fork(p *rawPlan) (pid int, errno unix.Errno) {
	all, old := ^uint64(0), uint64(0)
	image, report := p.image, p.reportWrite
	syscall.ForkLock.Lock()
	setMask(&all, &old)
	trap, first, second := p.cloneCall()
	child, number := rawVfork(trap, first, second)
	if child == 0 && number == 0 {
		inside(p, &old) // never returns
	}
	p.image, p.reportWrite = image, report // the child may have changed ours
	setMask(&old, nil)
	syscall.ForkLock.Unlock()
	return int(child), unix.Errno(number)
}

//go:nosplit
func setMask(set, old *uint64) {
	unix.RawSyscall6(unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK, uintptr(unsafe.Pointer(set)), uintptr(unsafe.Pointer(old)), 8, 0, 0)
}

// borrows tells whether the new process can have our memory until its exec: not
// if we have something to do for it before, nor if it starts another one, nor
// if it becomes another user, which changes who may look into that memory.
func (r *rawPlan) borrows() bool { return !r.gated && !r.second && r.joinUser < 0 }

// cloneCall is the system call that makes the first new process, with two
// arguments. With our memory it must not have our signal handlers, which only
// clone3(2) can do; an ignored signal stays ignored.
func (r *rawPlan) cloneCall() (trap, first, second uintptr) {
	flags := uint64(r.firstFlags())
	if r.borrows() {
		flags |= unix.CLONE_VM | unix.CLONE_VFORK | unix.CLONE_CLEAR_SIGHAND
	} else if r.cgroup < 0 {
		return unix.SYS_CLONE, r.firstFlags() | uintptr(unix.SIGCHLD), 0
	}
	r.args = cloneArgs{flags: flags, exitSignal: uint64(unix.SIGCHLD)}
	if r.cgroup >= 0 {
		r.args.flags |= unix.CLONE_INTO_CGROUP
		r.args.cgroup = uint64(r.cgroup)
	}
	return unix.SYS_CLONE3, uintptr(unsafe.Pointer(&r.args)), unsafe.Sizeof(r.args)
}

// The process in between takes the user namespace only: all others are to
// belong to it.
func (r *rawPlan) firstFlags() uintptr {
	if r.second {
		return r.flags & unix.CLONE_NEWUSER
	}
	return r.flags
}

//go:nosplit
//go:norace
func inside(p *rawPlan, mask *uint64) {
	die(p, stageJoin, p.enter())
	die(p, stageTime, p.enterTime())
	if p.second {
		p.handOver()
	}
	_, _, errno := unix.RawSyscall(unix.SYS_SETSID, 0, 0, 0)
	die(p, stageSession, errno)
	die(p, stageSession, dieWithParent())
	if p.seal && !p.ownMount {
		die(p, stageSeal, p.sealImage())
	}
	die(p, stageGate, p.waitAtGate())
	die(p, stageRoot, p.takeRoot())
	die(p, stageFiles, p.placeFiles())
	setMask(mask, nil)
	_, _, errno = unix.RawSyscall6(unix.SYS_EXECVEAT, uintptr(p.image), uintptr(unsafe.Pointer(p.empty)),
		uintptr(unsafe.Pointer(&p.argv[0])), uintptr(unsafe.Pointer(&p.envv[0])), unix.AT_EMPTY_PATH, 0)
	die(p, stageExec, errno)
}

// die tells why, if there is an error, and exits.
//
//go:nosplit
//go:norace
func die(p *rawPlan, stage uint32, errno unix.Errno) {
	if errno == 0 {
		return
	}
	p.say(stage, uint32(errno))
	exit(1)
}

//go:nosplit
//go:norace
func exit(code uintptr) {
	for {
		unix.RawSyscall(unix.SYS_EXIT_GROUP, code, 0, 0)
	}
}

//go:nosplit
//go:norace
func (r *rawPlan) say(stage, value uint32) {
	w := word{stage, value}
	unix.RawSyscall(unix.SYS_WRITE, uintptr(r.reportWrite), uintptr(unsafe.Pointer(&w)), unsafe.Sizeof(w))
}

// handOver starts the process that is wanted, as a child of the caller's, and
// ends the one in between.
//
//go:nosplit
//go:norace
func (r *rawPlan) handOver() {
	flags := r.flags&^unix.CLONE_NEWUSER | unix.CLONE_PARENT | uintptr(unix.SIGCHLD)
	pid, _, errno := unix.RawSyscall6(unix.SYS_CLONE, flags, 0, 0, 0, 0, 0)
	die(r, stageFork, errno)
	if pid != 0 {
		r.say(stagePID, uint32(pid))
		exit(0)
	}
}

//go:nosplit
//go:norace
func dieWithParent() unix.Errno {
	_, _, errno := unix.RawSyscall(unix.SYS_PRCTL, unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0)
	return errno
}

//go:nosplit
//go:norace
func (r *rawPlan) enter() unix.Errno {
	if r.joinUser >= 0 {
		if _, _, errno := unix.RawSyscall(unix.SYS_SETNS, uintptr(r.joinUser), unix.CLONE_NEWUSER, 0); errno != 0 {
			return errno
		}
	}
	if r.seal && r.ownMount {
		if _, _, errno := unix.RawSyscall(unix.SYS_UNSHARE, unix.CLONE_NEWNS, 0, 0); errno != 0 {
			return errno
		}
		die(r, stageSeal, r.sealImage())
	}
	for _, fd := range r.join {
		if _, _, errno := unix.RawSyscall(unix.SYS_SETNS, uintptr(fd), 0, 0); errno != 0 {
			return errno
		}
	}
	return 0
}

// enterTime makes a time namespace for the next process and sets its clocks:
// once someone is in it, that is forbidden.
//
//go:nosplit
//go:norace
func (r *rawPlan) enterTime() unix.Errno {
	if len(r.time) == 0 {
		return 0
	}
	if _, _, errno := unix.RawSyscall(unix.SYS_UNSHARE, unix.CLONE_NEWTIME, 0, 0); errno != 0 {
		return errno
	}
	at := unix.AT_FDCWD
	fd, _, errno := unix.RawSyscall6(unix.SYS_OPENAT, uintptr(at), uintptr(unsafe.Pointer(r.timePath)), unix.O_WRONLY|unix.O_CLOEXEC, 0, 0, 0)
	if errno != 0 {
		return errno
	}
	_, _, errno = unix.RawSyscall(unix.SYS_WRITE, fd, uintptr(unsafe.Pointer(&r.time[0])), uintptr(len(r.time)))
	unix.RawSyscall(unix.SYS_CLOSE, fd, 0, 0)
	return errno
}

// waitAtGate stands still until the ids are mapped. A caller that is gone
// shows as end of file.
//
//go:nosplit
//go:norace
func (r *rawPlan) waitAtGate() unix.Errno {
	if !r.gated {
		return 0
	}
	unix.RawSyscall(unix.SYS_CLOSE, uintptr(r.gateWrite), 0, 0) // or there would never be an end of file
	var b byte
	n, _, errno := unix.RawSyscall(unix.SYS_READ, uintptr(r.gateRead), uintptr(unsafe.Pointer(&b)), 1)
	if errno == 0 && n == 0 {
		return unix.EPIPE
	}
	return errno
}

// takeRoot becomes user and group 0 of the user namespace it is in. The death
// of the parent must be asked for again after that (PR_SET_PDEATHSIG(2const)).
//
//go:nosplit
//go:norace
func (r *rawPlan) takeRoot() unix.Errno {
	if !r.gated && r.joinUser < 0 {
		return 0
	}
	if _, _, errno := unix.RawSyscall(unix.SYS_SETRESGID, 0, 0, 0); errno != 0 {
		return errno
	}
	if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, 0, 0, 0); errno != 0 {
		return errno
	}
	return dieWithParent()
}

// placeFiles puts the descriptors where they belong, the two that are needed
// until the exec above them, and closes all others: a caller's own would lead
// back to the host (CVE-2024-21626).
//
//go:nosplit
//go:norace
func (r *rawPlan) placeFiles() unix.Errno {
	for i, fd := range r.files {
		if _, _, errno := unix.RawSyscall(unix.SYS_DUP3, uintptr(fd), uintptr(i), 0); errno != 0 {
			return errno
		}
	}
	next := uintptr(len(r.files))
	if _, _, errno := unix.RawSyscall(unix.SYS_DUP3, uintptr(r.reportWrite), next, unix.O_CLOEXEC); errno != 0 {
		return errno
	}
	if _, _, errno := unix.RawSyscall(unix.SYS_DUP3, uintptr(r.image), next+1, unix.O_CLOEXEC); errno != 0 {
		return errno
	}
	r.reportWrite, r.image = int(next), int(next)+1
	_, _, errno := unix.RawSyscall(unix.SYS_CLOSE_RANGE, next+2, math.MaxUint32, 0)
	return errno
}
