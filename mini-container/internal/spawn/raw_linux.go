package spawn

import (
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// rawPlan is a Plan in the form in which the new process can use it: numbers,
// and pointers to memory that is there already.
type rawPlan struct {
	flags    uintptr
	second   bool // a process in between does the joining and the time
	cgroup   int  // -1 is none
	joinUser int  // -1 is none
	join     []int
	ownMount bool // the executable is to be sealed in a mount namespace of its own
	time     []byte
	gated    bool
	seal     bool

	args       cloneArgs
	image      int // descriptor to execute
	imagePath  *byte
	imageStat  unix.Stat_t
	scratch    unix.Stat_t
	imageFlags uintptr // what its mount has, for mount(2)
	files      []int
	argv, envv []*byte
	timePath   *byte
	empty      *byte

	gateRead, gateWrite     int
	reportRead, reportWrite int
	high                    int   // above every number that the new process wants for itself
	opened                  []int // to be closed in the end
}

// cloneArgs is struct clone_args of clone3(2), as of Linux 5.7.
type cloneArgs struct {
	flags, pidfd, childTID, parentTID, exitSignal, stack, stackSize, tls, setTID, setTIDSize, cgroup uint64
}

// prepare does everything that can be done before the fork.
func (p *Plan) prepare() (raw *rawPlan, err error) {
	raw = &rawPlan{
		flags: p.Flags, cgroup: -1, joinUser: -1, time: []byte(p.Time), gated: p.Map != nil,
		second: p.Time != "" || len(p.Join) > 0, ownMount: len(p.Join) > 0,
		high:     len(p.Files) + 2, // its files, and what placeFiles adds
		gateRead: -1, gateWrite: -1, reportRead: -1, reportWrite: -1,
	}
	defer func() {
		if err != nil {
			raw.release()
		}
	}()
	if err := raw.strings(p); err != nil {
		return nil, err
	}
	if err := raw.pipes(); err != nil {
		return nil, err
	}
	if err := raw.descriptors(p); err != nil {
		return nil, err
	}
	return raw, raw.findImage()
}

func (r *rawPlan) strings(p *Plan) (err error) {
	if r.argv, err = syscall.SlicePtrFromStrings(p.Args); err != nil {
		return fmt.Errorf("encode arguments: %w", err)
	}
	if r.envv, err = syscall.SlicePtrFromStrings(p.Env); err != nil {
		return fmt.Errorf("encode environment: %w", err)
	}
	r.empty, _ = unix.BytePtrFromString("")
	r.timePath, _ = unix.BytePtrFromString("/proc/self/timens_offsets")
	return nil
}

// pipes are made by hand: those of package os do not block.
func (r *rawPlan) pipes() error {
	for _, ends := range [][2]*int{{&r.gateRead, &r.gateWrite}, {&r.reportRead, &r.reportWrite}} {
		var pipe [2]int
		if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
			return fmt.Errorf("create pipe: %w", err)
		}
		for i, end := range ends {
			moved, err := r.moveUp(pipe[i])
			unix.Close(pipe[i])
			if err != nil {
				unix.Close(pipe[1])
				return err
			}
			*end = moved
		}
	}
	return nil
}

func (r *rawPlan) descriptors(p *Plan) (err error) {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("open null device: %w", err)
	}
	defer null.Close()
	for _, f := range p.Files {
		if f == nil {
			f = null
		}
		fd, err := r.hold(f)
		if err != nil {
			return err
		}
		r.files = append(r.files, fd)
	}
	for _, f := range p.Join {
		fd, err := r.hold(f)
		if err != nil {
			return err
		}
		r.join = append(r.join, fd)
	}
	if r.joinUser, err = r.hold(p.JoinUser); err != nil {
		return err
	}
	r.cgroup, err = r.hold(p.Cgroup)
	return err
}

// hold duplicates a descriptor, to a high number; -1 for none.
func (r *rawPlan) hold(f *os.File) (int, error) {
	if f == nil {
		return -1, nil
	}
	fd, err := r.moveUp(int(f.Fd()))
	if err == nil {
		r.opened = append(r.opened, fd)
	}
	return fd, err
}

// moveUp duplicates a descriptor to where putting others in their place does
// not close it.
func (r *rawPlan) moveUp(fd int) (int, error) {
	high, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, r.high)
	if err != nil {
		return -1, fmt.Errorf("duplicate descriptor: %w", err)
	}
	return high, nil
}

func (r *rawPlan) openGate() error {
	if _, err := unix.Write(r.gateWrite, []byte{1}); err != nil {
		return fmt.Errorf("release new process: %w", err)
	}
	return nil
}

func closeOnce(fd *int) {
	if *fd >= 0 {
		unix.Close(*fd)
		*fd = -1
	}
}

func (r *rawPlan) closeGate() { closeOnce(&r.gateWrite) }

func (r *rawPlan) closeChildEnds() {
	closeOnce(&r.gateRead)
	closeOnce(&r.reportWrite)
}

func (r *rawPlan) release() {
	r.closeGate()
	r.closeChildEnds()
	closeOnce(&r.reportRead)
	for _, fd := range r.opened {
		unix.Close(fd)
	}
	r.opened = nil
}
