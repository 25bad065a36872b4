package guest

import (
	"sync"

	"golang.org/x/sys/unix"
)

// ending is how a process ended.
type ending struct {
	status unix.WaitStatus
	usage  unix.Rusage
}

// reaper starts all processes of init and reaps every child, its own and the
// orphans that process 1 inherits. Statuses cannot be stolen or mixed up: both
// the fork with its registration and each wait4(2) happen under one lock, so a
// pid is registered before it can be reaped and reused only after.
type reaper struct {
	mu      sync.Mutex
	waiting map[int]chan ending
	started chan struct{}
}

func newReaper() *reaper {
	return &reaper{waiting: map[int]chan ending{}, started: make(chan struct{}, 1)}
}

// start runs fork, which returns the new child's pid, and gives the channel
// that will carry its ending.
func (r *reaper) start(fork func() (int, error)) (int, <-chan ending, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	pid, err := fork()
	if err != nil {
		return 0, nil, err
	}
	ended := make(chan ending, 1)
	r.waiting[pid] = ended
	select {
	case r.started <- struct{}{}:
	default:
	}
	return pid, ended, nil
}

// signal sends to a child, or to its group, unless it has been reaped: then
// its pid may be another's.
func (r *reaper) signal(pid int, group bool, number unix.Signal) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, alive := r.waiting[pid]; !alive {
		return nil
	}
	if group {
		pid = -pid
	}
	return unix.Kill(pid, number)
}

// run reaps for ever. Without any child it sleeps until the next start: who has
// no child has no orphan to inherit either.
func (r *reaper) run() {
	for {
		// WNOWAIT only looks, so that reaping can happen under the lock.
		err := unix.Waitid(unix.P_ALL, 0, nil, unix.WEXITED|unix.WNOWAIT, nil)
		switch err {
		case nil:
			r.reap()
		case unix.ECHILD:
			<-r.started
		}
	}
}

func (r *reaper) reap() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for {
		var end ending
		pid, err := unix.Wait4(-1, &end.status, unix.WNOHANG, &end.usage)
		if err == unix.EINTR {
			continue
		}
		if err != nil || pid <= 0 {
			return
		}
		if ended, ok := r.waiting[pid]; ok {
			delete(r.waiting, pid)
			ended <- end
		}
	}
}
