package record

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// tracer is the state of one recording.
type tracer struct {
	Command
	main      int
	threads   map[int]*thread
	early     map[int]bool // new ones that stopped before their maker told us
	recording *Recording
}

// process is what the threads of one have in common.
type process struct {
	pid int
	place
}

type thread struct {
	*process
	fresh bool  // its first stop is still to come
	open  *Call // entered and not left
}

// syscallInfo is struct ptrace_syscall_info, see ptrace(2).
type syscallInfo struct {
	op   uint8
	_    [3]uint8
	arch uint32
	_    [2]uint64 // instruction and stack pointers
	data [7]uint64 // at entry the number and the arguments, at exit the result and whether it is an error
}

// The values of op.
const (
	atEntry = 1
	atExit  = 2
)

func getSyscall(id int) (*syscallInfo, error) {
	info := &syscallInfo{}
	_, _, errno := unix.Syscall6(unix.SYS_PTRACE, unix.PTRACE_GET_SYSCALL_INFO, uintptr(id), unsafe.Sizeof(*info), uintptr(unsafe.Pointer(info)), 0, 0)
	if errno != 0 {
		return nil, fmt.Errorf("ask for system call: %w", errno)
	}
	return info, nil
}

func (t *tracer) syscall(id int, th *thread) error {
	info, err := getSyscall(id)
	if err != nil {
		return err
	}
	switch info.op {
	case atEntry:
		if foreign := t.enter(id, th, info); foreign {
			return t.letGo(id, th)
		}
	case atExit:
		t.leave(th, info)
	}
	return t.resume(id, 0)
}

// letGo ends the tracing of a process that is about to become a program that
// is not ours.
func (t *tracer) letGo(id int, th *thread) error {
	t.tell(th.open)
	for other, its := range t.threads {
		if its.process == th.process {
			delete(t.threads, other)
		}
	}
	if err := unix.PtraceDetach(id); err != nil {
		return fmt.Errorf("let process %d go: %w", id, err)
	}
	return nil
}

// enter writes a call down, if it is one that counts. It is foreign if it
// executes a program that is not ours.
func (t *tracer) enter(id int, th *thread, info *syscallInfo) (foreign bool) {
	name := t.Name(info.data[0])
	args := [6]uint64(info.data[1:])
	m := memory(id)
	if name == "write" {
		t.wrote(id, th, args, m)
		return false
	}
	entry, counts := Catalogue()[name]
	if !counts || quiet(name, args, m) {
		t.recording.LeftOut++
		return false
	}
	t.add(th, name, entry, arguments(entry.args, args, m))
	// Our own image is executed by descriptor, but for an own PID 1, after
	// which there is nothing left to see.
	return th.last && strings.HasPrefix(name, "exec") || name == "execve"
}

func (t *tracer) add(th *thread, name string, info Info, shown []string) {
	th.open = &Call{
		PID: th.pid, Main: th.pid == t.main, Step: th.step, Undo: th.undo, Name: name, Arguments: shown, Info: info,
	}
	t.recording.Calls = append(t.recording.Calls, th.open)
}

// wrote looks at a write(2): it is a mark, or it may tell the kernel something.
func (t *tracer) wrote(id int, th *thread, args [6]uint64, m reader) {
	const nowhere = -1
	if int32(args[0]) == nowhere {
		text, _ := m.bytes(args[1], int(min(args[2], longest)))
		if th.follow(string(text)) && !th.undo && !th.last {
			t.step(th.step)
			return
		}
		return
	}
	path := fmt.Sprintf("/proc/%d/fd/%d", id, int32(args[0]))
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		t.recording.LeftOut++
		return
	}
	info := procWrite
	switch st.Type {
	case unix.CGROUP2_SUPER_MAGIC:
		info = cgroupWrite
	case unix.PROC_SUPER_MAGIC:
	default:
		t.recording.LeftOut++
		return
	}
	target, err := os.Readlink(path)
	if err != nil {
		target = unreadable
	}
	shown := unreadable
	if text, ok := m.bytes(args[1], int(min(args[2], longest))); ok {
		shown = strconv.Quote(string(text))
	}
	t.add(th, "write", info, []string{strconv.Quote(target), shown})
}

func (t *tracer) step(name string) {
	t.recording.Steps = append(t.recording.Steps, name)
	if t.Observer != nil {
		t.Observer.Step(name)
	}
}

// leave books the result.
func (t *tracer) leave(th *thread, info *syscallInfo) {
	if th.open == nil {
		return
	}
	value, failed := int64(info.data[0]), info.data[1]&0xff != 0
	if failed && restarts(-value) {
		t.drop(th.open)
		th.open = nil
		return
	}
	th.open.Result = strconv.FormatInt(value, 10)
	if failed {
		th.open.Result = unix.ErrnoName(unix.Errno(-value))
	}
	t.tell(th.open)
	th.open = nil
}

// restarts: a signal came first, and the call will be made again by itself.
// These errors of the kernel (ERESTARTSYS to ERESTART_RESTARTBLOCK) never
// reach the program.
func restarts(errno int64) bool { return errno >= 512 && errno <= 516 }

func (t *tracer) drop(c *Call) {
	t.recording.Calls = slices.DeleteFunc(t.recording.Calls, func(other *Call) bool { return other == c })
}

func (t *tracer) tell(c *Call) {
	if t.Observer != nil && c != nil {
		t.Observer.Call(c)
	}
}

// quiet is for calls of the catalogue that only ask, name a thread, or make
// one: they come from the runtime of the language.
func quiet(name string, args [6]uint64, m reader) bool {
	switch name {
	case "clone":
		return args[0]&cloneThread != 0
	case "clone3":
		data, ok := m.bytes(args[0], 8)
		return ok && number(data, 0)&cloneThread != 0
	case "prctl":
		return quietPrctls[uint64(uint32(args[0]))]
	case "prlimit64":
		return args[2] == 0
	case "ioctl":
		return quietIoctls[uint64(uint32(args[1]))]
	}
	return false
}

// quietIoctls ask for the attributes and the size of a terminal.
var quietIoctls = map[uint64]bool{unix.TCGETS: true, unix.TIOCGWINSZ: true}

// memory is that of a traced process which stands still.
type memory int

func (m memory) bytes(address uint64, n int) ([]byte, bool) {
	data := make([]byte, n)
	got, err := unix.PtracePeekData(int(m), uintptr(address), data)
	return data, err == nil && got == n
}

func (m memory) text(address uint64, most int) (string, bool) {
	var text []byte
	const step = 8 // a word never lies on two pages if it is aligned
	for len(text) < most {
		n := step - int(address%step)
		data, ok := m.bytes(address, n)
		if !ok {
			return "", false
		}
		if end := strings.IndexByte(string(data), 0); end >= 0 {
			return string(append(text, data[:end]...)), true
		}
		text, address = append(text, data...), address+uint64(n)
	}
	return string(text), true
}

func threadGroup(id int) int {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", id))
	if err != nil {
		return id
	}
	for line := range strings.Lines(string(text)) {
		if value, found := strings.CutPrefix(line, "Tgid:"); found {
			if group, err := strconv.Atoi(strings.TrimSpace(value)); err == nil {
				return group
			}
		}
	}
	return id
}
