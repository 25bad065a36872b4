package qemu

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// consoleLimit bounds each of head and tail of the console that is kept.
const consoleLimit = 512 << 10

// outputWait bounds the wait for the end of QEMU's output once QEMU has ended:
// what it has started, if it is a wrapper, may hold that open.
const outputWait = 2 * time.Second

// firstInheritedFD is where os/exec puts the first of Cmd.ExtraFiles.
const firstInheritedFD = 3

// Process is a running QEMU. Close it in every case.
type Process struct {
	Port    net.Conn // host end of the virtio-serial port
	QMP     *QMP
	Console *Tail // the guest's serial console
	Stderr  *Tail // what QEMU itself said
	Argv    []string

	cmd     *exec.Cmd
	console net.Conn
	monitor net.Conn
	exited  chan struct{}
	drained chan struct{}

	killed atomic.Bool // by Close

	mu     sync.Mutex
	reason string
	err    error
}

// Start runs QEMU for the devices, to which it adds console, port and
// monitor. QEMU dies with this process, even by SIGKILL.
func Start(ctx context.Context, m Machine, portName string) (*Process, error) {
	p := &Process{
		Console: NewTail(consoleLimit), Stderr: NewTail(64 << 10),
		exited: make(chan struct{}), drained: make(chan struct{}),
	}
	var inherited []*os.File
	for _, end := range []*net.Conn{&p.console, &p.Port, &p.monitor} {
		conn, file, err := socketPair()
		if err != nil {
			closeAll(inherited)
			p.closeConns()
			return nil, err
		}
		*end = conn
		inherited = append(inherited, file)
	}
	m.Devices = append(append([]Device(nil), m.Devices...),
		Console{FD: firstInheritedFD}, Port{Name: portName, FD: firstInheritedFD + 1}, Monitor{FD: firstInheritedFD + 2})
	p.Argv = m.Argv()
	err := p.start(inherited)
	// As long as we hold QEMU's ends too, its death is no end of file.
	closeAll(inherited)
	if err != nil {
		p.closeConns()
		return nil, err
	}
	go p.drainConsole()
	p.QMP = NewQMP(p.monitor, p.event)
	if err := p.QMP.Negotiate(ctx); err != nil {
		if ctx.Err() == nil {
			p.Settle(outputWait)
		}
		_ = p.Close()
		return nil, fmt.Errorf("start %s: %w (%s)", p.Argv[0], err, p.Ending())
	}
	return p, nil
}

// start forks QEMU from a thread that lives as long as QEMU does: the parent
// death signal is sent when the forking *thread* ends (prctl(2)).
func (p *Process) start(inherited []*os.File) error {
	p.cmd = exec.Command(p.Argv[0], p.Argv[1:]...)
	p.cmd.ExtraFiles = inherited
	p.cmd.Stdout, p.cmd.Stderr = p.Stderr, p.Stderr
	p.cmd.SysProcAttr = dieWithParent()
	p.cmd.WaitDelay = outputWait
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		started <- err
		if err == nil {
			p.setErr(p.cmd.Wait())
			close(p.exited)
		}
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("start %s: %w (is QEMU installed? ci/install-deps.sh does it)", p.Argv[0], err)
	}
	return nil
}

func dieWithParent() *syscall.SysProcAttr {
	// A group of its own: Ctrl-C on the terminal is for us to handle.
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}

func (p *Process) drainConsole() {
	defer close(p.drained)
	buf := make([]byte, 32<<10)
	for {
		n, err := p.console.Read(buf)
		_, _ = p.Console.Write(buf[:n])
		if err != nil {
			return
		}
	}
}

func (p *Process) event(e Event) {
	if e.Name != "SHUTDOWN" {
		return
	}
	var data struct {
		Reason string `json:"reason"`
	}
	_ = json.Unmarshal(e.Data, &data)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reason = data.Reason
}

func (p *Process) setErr(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.err = err
}

// ShutdownReason is the reason of QMP's SHUTDOWN event: "guest-shutdown",
// "guest-reset" (also a panic), "host-qmp-quit"; "" if there was none.
func (p *Process) ShutdownReason() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.reason
}

// Exited is closed when QEMU has ended.
func (p *Process) Exited() <-chan struct{} { return p.exited }

// ExitErr is how QEMU ended, nil for status 0. Valid after Exited.
func (p *Process) ExitErr() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

// Ending says for people how QEMU ended and what it said last. Valid after
// Exited.
func (p *Process) Ending() string {
	text := "exit status 0"
	if err := p.ExitErr(); err != nil {
		text = err.Error()
	}
	if reason := p.ShutdownReason(); reason != "" {
		text += " after " + reason
	}
	if p.killed.Load() {
		text = "killed by us"
	}
	if line := lastLine(p.Stderr.Bytes()); line != "" {
		text += ": " + line
	}
	return "qemu: " + text
}

// Settle waits, at most for limit, until QEMU has ended by itself and all that
// it said has been read: the reason of its end may come after the end.
func (p *Process) Settle(limit time.Duration) {
	late := time.After(limit)
	for _, c := range []<-chan struct{}{p.exited, p.drained, p.QMP.Ended()} {
		select {
		case <-c:
		case <-late:
			return
		}
	}
}

// Close kills QEMU if it still runs, waits for it and releases everything.
func (p *Process) Close() error {
	p.kill()
	<-p.exited
	p.Settle(time.Second) // what was said last is worth a moment
	p.closeConns()
	return nil
}

// kill ends QEMU's process group, lest a wrapper die without what it wraps.
func (p *Process) kill() {
	select {
	case <-p.exited: // the pid may be another's by now
	default:
		p.killed.Store(true)
		_ = unix.Kill(-p.cmd.Process.Pid, unix.SIGKILL)
	}
}

func (p *Process) closeConns() {
	for _, c := range []net.Conn{p.console, p.Port, p.monitor} {
		if c != nil {
			_ = c.Close()
		}
	}
}

// socketPair returns our end as a connection and QEMU's end as a file.
func socketPair() (net.Conn, *os.File, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("make socket pair: %w", err)
	}
	ours := os.NewFile(uintptr(fds[0]), "host end")
	defer ours.Close()
	theirs := os.NewFile(uintptr(fds[1]), "qemu end")
	conn, err := net.FileConn(ours)
	if err != nil {
		_ = theirs.Close()
		return nil, nil, fmt.Errorf("make socket pair: %w", err)
	}
	return conn, theirs, nil
}

func closeAll(files []*os.File) {
	for _, f := range files {
		_ = f.Close()
	}
}
