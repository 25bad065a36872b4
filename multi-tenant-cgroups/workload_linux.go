package multitenantcgroups

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"unsafe"

	"golang.org/x/sys/unix"
)

// RunWorkload serves workloads, one after the other, until the input ends. The
// process that calls it does nothing else: it forks without exec, and changes
// its signal mask and its children's reaper.
//
// The work is done by raw children that run no Go runtime: a Go process has
// threads of its own, which would count against pids.max and run outside a
// spinner. They are forked here and wait, so that the caller can move them
// into a cgroup before they do anything there.
func RunWorkload(in io.Reader, out io.Writer) error {
	runtime.LockOSThread() // the children die with the thread that made them
	requests, replies := json.NewDecoder(in), json.NewEncoder(out)
	for {
		var spec WorkloadSpec
		if err := requests.Decode(&spec); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("read workload: %w", err)
		}
		if err := serveOne(spec, requests, replies); err != nil {
			return err
		}
	}
}

func serveOne(spec WorkloadSpec, requests *json.Decoder, replies *json.Encoder) error {
	debug.SetGCPercent(-1) // a fork in the middle of a collection would not do
	w, err := forkWorkers(spec)
	defer w.release()
	if err != nil {
		return fmt.Errorf("start workload: %w", err)
	}
	if err := replies.Encode(w.state()); err != nil {
		return fmt.Errorf("answer: %w", err)
	}
	return w.serve(requests, replies)
}

// workers is the parent's view of the children.
type workers struct {
	spec   WorkloadSpec
	page   []byte    // holds shared
	shared *progress // written by the children
	memory []byte    // for workMemory
	gate   [2]int    // pipe on which the children wait
	pids   []int
	ended  map[int]unix.WaitStatus
}

func forkWorkers(spec WorkloadSpec) (*workers, error) {
	w := &workers{spec: spec, gate: [2]int{-1, -1}, ended: map[int]unix.WaitStatus{}}
	if spec.Processes < 1 {
		return w, fmt.Errorf("%d processes asked for", spec.Processes)
	}
	if err := w.prepare(); err != nil {
		return w, err
	}
	var all, old unix.Sigset_t
	for i := range all.Val {
		all.Val[i] = ^all.Val[i]
	}
	// Blocked signals stay blocked in the children: no handler of the Go
	// runtime can run there. SIGKILL still works.
	if err := unix.PthreadSigmask(unix.SIG_BLOCK, &all, &old); err != nil {
		return w, fmt.Errorf("block signals: %w", err)
	}
	defer func() { _ = unix.PthreadSigmask(unix.SIG_SETMASK, &old, nil) }()
	for range spec.Processes {
		pid := forkWorker(w.gate[0], spec.Kind, spec.Amount, w.shared, w.memory)
		if pid < 0 {
			return w, fmt.Errorf("fork: %w", unix.Errno(-pid))
		}
		w.pids = append(w.pids, pid)
	}
	return w, nil
}

func (w *workers) prepare() error {
	var err error
	w.page, err = unix.Mmap(-1, 0, unix.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_ANONYMOUS)
	if err != nil {
		return fmt.Errorf("map shared page: %w", err)
	}
	w.page[0] = 0 // charge the page to this process, not to the tenant
	w.shared = (*progress)(unsafe.Pointer(&w.page[0]))
	if w.spec.Kind == workMemory {
		if w.memory, err = reserve(w.spec.Amount); err != nil {
			return err
		}
	}
	// Grandchildren come to this process when the worker between is killed.
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("become subreaper: %w", err)
	}
	if err := unix.Pipe2(w.gate[:], unix.O_CLOEXEC); err != nil {
		return fmt.Errorf("make pipe: %w", err)
	}
	return nil
}

// reserve maps memory that is not there until somebody touches it. Huge pages
// would blur the count.
func reserve(size uint64) ([]byte, error) {
	memory, err := unix.Mmap(-1, 0, int(size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_NORESERVE)
	if err != nil {
		return nil, fmt.Errorf("map %d bytes: %w", size, err)
	}
	if err := unix.Madvise(memory, unix.MADV_NOHUGEPAGE); err != nil && !errors.Is(err, unix.EINVAL) {
		return nil, fmt.Errorf("refuse huge pages: %w", err)
	}
	return memory, nil
}

func (w *workers) serve(requests *json.Decoder, replies *json.Encoder) error {
	for {
		var command string
		if err := requests.Decode(&command); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("read command: %w", err)
		}
		if err := w.obey(command); err != nil {
			return err
		}
		if err := replies.Encode(w.state()); err != nil {
			return fmt.Errorf("answer: %w", err)
		}
		if command == commandStop {
			return nil
		}
	}
}

func (w *workers) obey(command string) error {
	switch command {
	case commandGo:
		if _, err := unix.Write(w.gate[1], make([]byte, len(w.pids))); err != nil {
			return fmt.Errorf("open gate: %w", err)
		}
	case commandStop:
		w.kill()
	}
	return nil
}

// kill ends the children and reaps all that is left, grandchildren too: a
// zombie still counts against pids.max.
func (w *workers) kill() {
	for _, pid := range w.pids {
		if _, gone := w.ended[pid]; !gone {
			_ = unix.Kill(pid, unix.SIGKILL)
		}
	}
	for w.reap(0) {
	}
}

// release ends the children and gives back what prepare got.
func (w *workers) release() {
	w.kill()
	for _, fd := range w.gate {
		if fd >= 0 {
			_ = unix.Close(fd)
		}
	}
	for _, mapping := range [][]byte{w.page, w.memory} {
		if mapping != nil {
			_ = unix.Munmap(mapping)
		}
	}
}

// reap takes one ended child and reports whether there was one.
func (w *workers) reap(options int) bool {
	var status unix.WaitStatus
	for {
		pid, err := unix.Wait4(-1, &status, options, nil)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil || pid <= 0 {
			return false
		}
		w.ended[pid] = status
		return true
	}
}

func (w *workers) state() WorkloadState {
	for w.reap(unix.WNOHANG) {
	}
	s := w.shared.snapshot()
	s.Pids, s.Ended = w.pids, true
	for _, pid := range w.pids {
		_, gone := w.ended[pid]
		s.Ended = s.Ended && gone
	}
	if status, gone := w.ended[w.pids[0]]; gone {
		s.ExitCode = status.ExitStatus()
		if status.Signaled() {
			s.Signal, s.ExitCode = int(status.Signal()), 0
		}
	}
	return s
}
