package guest

import (
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"namespaces-cgroups-ebpf/vmtest/internal/wire"
)

// outputPipe is init's end of one of a command's outputs.
type outputPipe struct {
	file *os.File
	kind wire.Type
}

// streams are the ends of a command's standard streams.
type streams struct {
	// child are descriptors 0, 1 and 2 of the command, blocking as programs expect.
	child   [3]uintptr
	input   *os.File
	outputs []outputPipe
}

func openStreams(tty bool) (*streams, error) {
	if tty {
		return openTerminal()
	}
	return openPipes()
}

// openPipes makes three pipes. Only init's ends are non-blocking, which gives
// them deadlines; O_NONBLOCK belongs to an end, not to the pipe.
func openPipes() (*streams, error) {
	s := &streams{}
	var ends [3][2]int
	for i := range ends {
		var p [2]int
		if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
			for _, made := range ends[:i] {
				unix.Close(made[0])
				unix.Close(made[1])
			}
			return nil, fmt.Errorf("make pipe: %w", err)
		}
		ends[i] = p
	}
	s.child = [3]uintptr{uintptr(ends[0][0]), uintptr(ends[1][1]), uintptr(ends[2][1])}
	s.input = pollable(ends[0][1], "stdin")
	s.outputs = []outputPipe{
		{pollable(ends[1][0], "stdout"), wire.TypeStdout},
		{pollable(ends[2][0], "stderr"), wire.TypeStderr},
	}
	return s, nil
}

// openTerminal makes a pseudo-terminal (pty(7)); all output is standard output.
func openTerminal() (*streams, error) {
	master, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open terminal: %w", err)
	}
	slave, err := openSlave(master)
	if err != nil {
		unix.Close(master)
		return nil, err
	}
	file := pollable(master, "terminal")
	return &streams{
		child:   [3]uintptr{uintptr(slave), uintptr(slave), uintptr(slave)},
		input:   file,
		outputs: []outputPipe{{file, wire.TypeStdout}},
	}, nil
}

func openSlave(master int) (int, error) {
	if err := unix.IoctlSetPointerInt(master, unix.TIOCSPTLCK, 0); err != nil {
		return 0, fmt.Errorf("unlock terminal: %w", err)
	}
	number, err := unix.IoctlGetInt(master, unix.TIOCGPTN)
	if err != nil {
		return 0, fmt.Errorf("name terminal: %w", err)
	}
	slave, err := unix.Open("/dev/pts/"+strconv.Itoa(number), unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0, fmt.Errorf("open terminal: %w", err)
	}
	return slave, nil
}

func setWinsize(terminal *os.File, size wire.Winsize) error {
	raw, err := terminal.SyscallConn()
	if err != nil {
		return fmt.Errorf("resize terminal: %w", err)
	}
	var failure error
	err = raw.Control(func(fd uintptr) {
		failure = unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, &unix.Winsize{Row: size.Rows, Col: size.Cols})
	})
	if err == nil {
		err = failure
	}
	return err
}

func pollable(fd int, name string) *os.File {
	_ = unix.SetNonblock(fd, true)
	return os.NewFile(uintptr(fd), name)
}

// closeChild closes what the command has inherited by now.
func (s *streams) closeChild() {
	closed := map[uintptr]bool{}
	for _, fd := range s.child {
		if !closed[fd] {
			unix.Close(int(fd))
			closed[fd] = true
		}
	}
}

// close closes init's ends; a terminal's single file more than once, harmlessly.
func (s *streams) close() {
	_ = s.input.Close()
	for _, pipe := range s.outputs {
		_ = pipe.file.Close()
	}
}
