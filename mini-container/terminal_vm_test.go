//go:build vmtest && linux

package minicontainer_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// tty is the inside of TestTerminal: it tells what its streams are, then each
// new size, until it reads an end of line.
func tty() int {
	sizes := make(chan os.Signal, 1)
	signal.Notify(sizes, unix.SIGWINCH)
	var st [3]unix.Stat_t
	for fd := range st {
		if err := unix.Fstat(fd, &st[fd]); err != nil {
			return 1
		}
	}
	sid, _ := unix.IoctlGetInt(0, unix.TIOCGSID)
	own, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	name, _ := os.Readlink("/proc/self/fd/0")
	pid, _ := unix.Getsid(0)
	console := "none"
	var there unix.Stat_t
	if unix.Stat("/dev/console", &there) == nil {
		f, err := os.OpenFile("/dev/console", os.O_RDWR|unix.O_NOCTTY, 0)
		console = fmt.Sprint(there.Rdev == st[0].Rdev && err == nil && f != nil)
	}
	fmt.Println("owner", st[0].Uid, "console", console)
	fmt.Println("same", st[0].Rdev == st[1].Rdev && st[1].Rdev == st[2].Rdev, "major", unix.Major(st[0].Rdev),
		"leads", sid == pid, "tty", err == nil && own != nil, "name", name, "size", size(0))
	go func() {
		for range sizes {
			fmt.Println("now", size(0))
		}
	}()
	line, _ := bufio.NewReader(os.Stdin).ReadString('\n')
	fmt.Printf("read %q\n", line)
	return 11
}

func size(fd int) string {
	w, err := unix.IoctlGetWinsize(fd, unix.TIOCGWINSZ)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%dx%d", w.Col, w.Row)
}

// TestTerminal: the container's terminal is its own, follows the caller's in
// size, and the caller's is as before after every end.
func TestTerminal(t *testing.T) {
	b := newBench(t, 0)
	outside := newPTY(t)
	id := b.word()
	cooked := outside.termios(t)
	run := []string{"run", "--rootfs", b.rootfs, "-t", "--env", probeEnv + "=tty"}
	for name, tt := range map[string]struct {
		args []string
		want string // owner of the terminal, and whether it is the console
	}{
		"run":            {append(slices.Clone(run), "--", "probe"), "owner 0 console true"},
		"run read-only":  {append(slices.Clone(run), "--read-only", "--", "probe"), "owner 0 console true"},
		"run as a user":  {append(slices.Clone(run), "--user", "1234:55", "--", "probe"), "owner 1234 console true"},
		"run, user ns":   {append(slices.Clone(run), "--user-ns", "--", "probe"), "owner 0 console true"},
		"run below init": {append(slices.Clone(run), "--init", "--", "probe"), "owner 0 console true"},
		"exec":           {[]string{"exec", id, "-t", "--env", probeEnv + "=tty", "--", "probe"}, "owner 0 console none"},
	} {
		t.Run(name, func(t *testing.T) {
			args := tt.args
			if name == "exec" {
				b.start(t, "wait", "--id", id).line(t)
			}
			outside.resize(t, 93, 41)
			cmd := outside.start(t, args...)
			said := outside.until(t, "size 93x41")
			require.Contains(t, said, tt.want)
			require.Contains(t, said, "same true major 136 leads true tty true name /dev/pts/0")
			require.NotEqual(t, cooked, outside.termios(t), "the caller's terminal is not raw")
			outside.resize(t, 77, 22)
			require.NoError(t, cmd.Process.Signal(unix.SIGWINCH))
			outside.until(t, "now 77x22")
			outside.write(t, "hello\r")
			outside.until(t, `read "hello\n"`)
			cmd.Wait()
			require.Equal(t, 11, cmd.ProcessState.ExitCode())
			require.Equal(t, cooked, outside.termios(t), "the caller's terminal stays raw")
		})
	}
	t.Run("Ctrl-C reaches the command and not the supervisor", func(t *testing.T) {
		cmd := outside.start(t, "run", "--rootfs", b.rootfs, "-t", "--env", probeEnv+"=signals-tty", "--", "probe")
		outside.until(t, "ready")
		outside.write(t, "\x03")
		outside.until(t, "SIGINT")
		cmd.Wait()
		require.Equal(t, 42, cmd.ProcessState.ExitCode())
		require.Equal(t, cooked, outside.termios(t))
	})
	t.Run("the caller's, without one of its own", func(t *testing.T) {
		cmd := outside.start(t, "run", "--rootfs", b.rootfs, "--init", "--env", probeEnv+"=exit:9", "--", "probe")
		cmd.Wait()
		require.Equal(t, 9, cmd.ProcessState.ExitCode())
		require.Equal(t, cooked, outside.termios(t))
	})
	t.Run("a size of its own", func(t *testing.T) {
		report := b.order(t, "tty", order{Console: &specs.Box{Width: 101, Height: 37}})
		said := ""
		for !strings.Contains(said, "size") {
			said = report.line(t)
		}
		require.Contains(t, said, "size 101x37")
		report.kill(t)
	})
	t.Run("a command that is not there", func(t *testing.T) {
		cmd := outside.start(t, "run", "--rootfs", b.rootfs, "-t", "--", "/nothing")
		cmd.Wait()
		require.Equal(t, 127, cmd.ProcessState.ExitCode())
		require.Equal(t, cooked, outside.termios(t))
	})
	detached := b.detach(t, "tty", "-t")
	require.Contains(t, b.command(t, 0, "logs", detached), "leads true")
	b.command(t, 0, "delete", "--force", detached)
}

// pty is the terminal of whoever calls the executable under test.
type pty struct {
	master, slave *os.File
	heard         chan string
	text          string
}

func newPTY(t *testing.T) *pty {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	require.NoError(t, unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0))
	fd, _, errno := unix.Syscall(unix.SYS_IOCTL, master.Fd(), unix.TIOCGPTPEER, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC)
	require.Zero(t, errno)
	p := &pty{master: master, slave: os.NewFile(fd, "slave"), heard: make(chan string, 1024)}
	go func() {
		buffer := make([]byte, 4096)
		for {
			n, err := master.Read(buffer)
			if err != nil {
				return
			}
			p.heard <- string(buffer[:n])
		}
	}()
	return p
}

func (p *pty) start(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(executable(t), args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = p.slave, p.slave, p.slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { cmd.Process.Kill() })
	return cmd
}

// until reads until something is said, and returns all of it.
func (p *pty) until(t *testing.T, want string) string {
	t.Helper()
	for late := time.After(patience); !strings.Contains(p.text, want); {
		select {
		case more := <-p.heard:
			p.text += more
		case <-late:
			require.Fail(t, "not said: "+want, p.text)
		}
	}
	said := p.text
	p.text = ""
	return said
}

func (p *pty) write(t *testing.T, text string) {
	_, err := p.master.WriteString(text)
	require.NoError(t, err)
}

func (p *pty) resize(t *testing.T, columns, rows uint16) {
	require.NoError(t, unix.IoctlSetWinsize(int(p.master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Col: columns, Row: rows}))
}

func (p *pty) termios(t *testing.T) unix.Termios {
	t.Helper()
	state, err := unix.IoctlGetTermios(int(p.slave.Fd()), unix.TCGETS)
	require.NoError(t, err)
	return *state
}
