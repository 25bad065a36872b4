package bpftour

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
)

// maxLine bounds one line of output. A full histogram map, which is one line,
// has about 4 MB.
const maxLine = 16 << 20

// outLine is one line of a process.
type outLine struct {
	text   []byte
	stderr bool
}

// process is a running bpftrace. Its lines must be read until the channel is
// closed; then exit has its status.
type process struct {
	cmd   *exec.Cmd
	lines chan outLine
	exit  chan error
}

// startProcess starts a program in a process group of its own that the kernel
// kills when we die. The kernel ties that to the thread that forks, so one
// goroutine locked to its thread starts the process and waits for it.
func startProcess(path string, args, env []string) (*process, error) {
	p := &process{cmd: exec.Command(path, args...), lines: make(chan outLine, 256), exit: make(chan error, 1)}
	p.cmd.Env = env
	p.cmd.SysProcAttr = childAttr()
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("open pipe: %w", err)
	}
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		return nil, fmt.Errorf("open pipe: %w", err)
	}
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		started <- err
		if err == nil {
			p.read(stdout, stderr)
			p.exit <- p.cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", path, err)
	}
	return p, nil
}

// read forwards the lines of both streams and closes the channel at the end.
func (p *process) read(stdout, stderr io.Reader) {
	var both sync.WaitGroup
	for _, s := range []struct {
		r      io.Reader
		stderr bool
	}{{stdout, false}, {stderr, true}} {
		both.Go(func() {
			eachLine(s.r, maxLine, func(line []byte) { p.lines <- outLine{line, s.stderr} })
		})
	}
	both.Wait()
	close(p.lines)
}

// eachLine calls f with a copy of every line, without its end. A line longer
// than limit is cut there.
func eachLine(r io.Reader, limit int, f func([]byte)) {
	br := bufio.NewReaderSize(r, 64<<10)
	var line []byte
	for {
		part, err := br.ReadSlice('\n')
		line = append(line, part[:min(len(part), limit-len(line))]...)
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if len(line) > 0 {
			f([]byte(strings.TrimSuffix(string(line), "\n")))
		}
		line = line[:0]
		if err != nil {
			return
		}
	}
}

// childEnv is our environment without the BPFTRACE_ variables that would
// change what a recipe prints, and with the request to tell when all probes
// are attached, which bpftrace 0.14-0.27 honours.
func childEnv(environ []string) []string {
	var env []string
	for _, v := range environ {
		if !strings.HasPrefix(v, "BPFTRACE_") || strings.HasPrefix(v, "BPFTRACE_BTF=") {
			env = append(env, v)
		}
	}
	return append(env, "__BPFTRACE_NOTIFY_PROBES_ATTACHED=1")
}

// interrupt asks bpftrace to print its maps and to end.
func (p *process) interrupt() { _ = p.cmd.Process.Signal(os.Interrupt) }

// kill ends the whole process group at once.
func (p *process) kill() { killGroup(p.cmd.Process) }
