//go:build selftest && linux

package selftest

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// screenPatience bounds every wait for a terminal; a healthy one takes a fraction.
const screenPatience = 3 * time.Minute

// screen is a terminal that a program of ours runs on.
type screen struct {
	t      *testing.T
	master *os.File
	slave  *os.File

	mu    sync.Mutex
	shown bytes.Buffer
}

func newScreen(t *testing.T) *screen {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	require.NoError(t, err)
	require.NoError(t, unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0))
	number, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	require.NoError(t, err)
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	require.NoError(t, err)
	s := &screen{t: t, master: master, slave: slave}
	t.Cleanup(func() { _ = slave.Close(); _ = master.Close() })
	go func() {
		buf := make([]byte, 4096)
		for {
			n, err := master.Read(buf)
			s.mu.Lock()
			s.shown.Write(buf[:n])
			s.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return s
}

func (s *screen) resize(rows, cols uint16) {
	require.NoError(s.t, unix.IoctlSetWinsize(int(s.master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: rows, Col: cols}))
}

func (s *screen) settings() unix.Termios {
	settings, err := unix.IoctlGetTermios(int(s.slave.Fd()), unix.TCGETS)
	require.NoError(s.t, err)
	return *settings
}

// start runs the program with the terminal as its own, as long as all waits for
// what it shows may take together.
func (s *screen) start(args ...string) *exec.Cmd {
	ctx, cancel := context.WithTimeout(s.t.Context(), 2*screenPatience)
	s.t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, program(), args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = s.slave, s.slave, s.slave
	cmd.Env = append(os.Environ(), "TERM=dumb") // no control sequences between the lines
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	require.NoError(s.t, cmd.Start())
	return cmd
}

func (s *screen) typed(text string) {
	_, err := s.master.WriteString(text)
	require.NoError(s.t, err)
}

// await waits until text is shown, and forgets what came before.
func (s *screen) await(text string) {
	s.t.Helper()
	for deadline := time.Now().Add(screenPatience); ; time.Sleep(20 * time.Millisecond) {
		s.mu.Lock()
		all := s.shown.String()
		if _, rest, found := strings.Cut(all, text); found {
			s.shown.Reset()
			s.shown.WriteString(rest)
			s.mu.Unlock()
			return
		}
		s.mu.Unlock()
		require.True(s.t, time.Now().Before(deadline), "never shown: %q, but %q", text, all)
	}
}

// TestShell is somebody at a terminal.
func TestShell(t *testing.T) {
	s := newScreen(t)
	s.resize(40, 123)
	before := s.settings()
	cmd := s.start("shell", "--kernel", series()[0])
	const prompt = "/# "
	s.await("vmtest " + series()[0] + " " + prompt)
	require.NotEqual(t, before, s.settings())

	s.typed("tty; stty size; uname -r\r")
	s.await("\n/dev/pts/")
	s.await("\n40 123")
	s.await("\n" + series()[0])
	s.await(prompt)
	s.resize(50, 99)
	s.typed("while [ \"$(stty size)\" != '50 99' ]; do sleep 0.1; done; echo resiz''ed\r")
	s.await("\nresized")
	s.await(prompt)

	// Ctrl-C and Ctrl-Z go inside, where there is job control.
	s.typed("echo be''gun; sleep 1000\r")
	s.await("\nbegun")
	s.typed("\x03")
	s.await(prompt)
	s.typed("echo co''de=$?\r")
	s.await("\ncode=130")
	s.await(prompt)
	s.typed("echo be''gun; sleep 1000\r")
	s.await("\nbegun")
	time.Sleep(200 * time.Millisecond) // sleep is started, or else the shell stops nothing
	s.typed("\x1a")
	s.await("Stopped")
	s.await(prompt)
	// A shell that still believes in a stopped job does not exit.
	s.typed("kill -9 %1; while jobs | grep -q Stopped; do sleep 0.1; done; exit 5\r")
	require.Equal(t, 5, codeOf(t, cmd.Wait()))
	require.Equal(t, before, s.settings(), "the terminal is as it was")
}

// TestShellEnds: from outside, by a kill, and without a terminal.
func TestShellEnds(t *testing.T) {
	s := newScreen(t)
	before := s.settings()
	cmd := s.start("shell", "--kernel", series()[0])
	s.await("/# ")
	s.typed("\x1d\x1d\x1d")
	require.Equal(t, 128, codeOf(t, cmd.Wait()))
	require.Equal(t, before, s.settings())

	s = newScreen(t)
	cmd = s.start("shell", "--kernel", series()[0], "--", "cat")
	require.Eventually(t, func() bool { return s.settings() != before }, screenPatience, 20*time.Millisecond)
	require.NoError(t, cmd.Process.Kill())
	require.Error(t, cmd.Wait())
	require.Eventually(t, func() bool { return s.settings() == before }, screenPatience, 20*time.Millisecond, "a SIGKILL does not leave it raw")

	piped := exec.CommandContext(t.Context(), program(), "shell", "--kernel", series()[0])
	piped.Stdin = strings.NewReader("uname -r\nexit 4\n")
	out, err := piped.Output()
	require.Equal(t, 4, codeOf(t, err))
	require.True(t, strings.HasPrefix(string(out), series()[0]), string(out))
}
