package main

import (
	"fmt"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// openPTY returns the two ends of a new pseudo-terminal (pty(7)).
func openPTY(t *testing.T) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	require.NoError(t, err)
	t.Cleanup(func() { _ = master.Close() })
	require.NoError(t, unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0))
	number, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	require.NoError(t, err)
	slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	require.NoError(t, err)
	t.Cleanup(func() { _ = slave.Close() })
	return master, slave
}

func resize(t *testing.T, f *os.File, rows, cols uint16) {
	t.Helper()
	require.NoError(t, unix.IoctlSetWinsize(int(f.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: rows, Col: cols}))
}

func settings(t *testing.T, f *os.File) unix.Termios {
	t.Helper()
	s, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	require.NoError(t, err)
	return *s
}

func TestTerminal(t *testing.T) {
	_, slave := openPTY(t)
	resize(t, slave, 40, 120)
	before := settings(t, slave)
	terminal, err := newTerminal(slave, slave)
	require.NoError(t, err)
	defer terminal.close()
	guests := terminal.guests()
	require.EqualValues(t, 40, guests.Rows)
	require.EqualValues(t, 120, guests.Cols)
	require.Equal(t, before, settings(t, slave), "until the command starts, it is ours")

	resize(t, slave, 50, 100) // while the VM boots
	detach, err := guests.Attach()
	require.NoError(t, err)
	require.NotEqual(t, before, settings(t, slave))
	require.EqualValues(t, 50, (<-guests.Resized).Rows)

	resize(t, slave, 60, 90)
	require.NoError(t, syscall.Kill(os.Getpid(), syscall.SIGWINCH))
	select {
	case size := <-guests.Resized:
		require.EqualValues(t, 60, size.Rows)
		require.EqualValues(t, 90, size.Cols)
	case <-time.After(20 * time.Second):
		require.Fail(t, "no new size")
	}
	detach()
	require.Equal(t, before, settings(t, slave))
	terminal.close() // once more is harmless

	resize(t, slave, 0, 0)
	require.EqualValues(t, 24, terminal.size().Rows, "a terminal without a size")
	file, err := os.Open(os.DevNull)
	require.NoError(t, err)
	defer file.Close()
	_, err = newTerminal(file, file)
	require.ErrorContains(t, err, "ask for the terminal's size")
}

// TestGuard: the terminal is put back when we die, and left alone otherwise.
func TestGuard(t *testing.T) {
	_, slave := openPTY(t)
	before := settings(t, slave)
	dead := newGuard(slave)
	require.NotNil(t, dead, "is stty (coreutils) not installed?")
	_, err := term.MakeRaw(int(slave.Fd()))
	require.NoError(t, err)
	require.NoError(t, dead.words.Close())
	require.NoError(t, dead.cmd.Wait())
	require.Equal(t, before, settings(t, slave))

	dismissed := newGuard(slave)
	_, err = term.MakeRaw(int(slave.Fd()))
	require.NoError(t, err)
	raw := settings(t, slave)
	dismissed.dismiss()
	require.Equal(t, raw, settings(t, slave))
	(*guard)(nil).dismiss()
}
