package vmtest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/vmtest/internal/wire"
)

// runs lets the guest play one command and returns what the host's Run got.
func runs(t *testing.T, c func(*VM) *Cmd, play func(g *fakeGuest, run wire.Frame)) (*Cmd, error) {
	g := readyGuest(t)
	cmd := c(g.vm)
	result := make(chan error, 1)
	go func() { result <- cmd.Run() }()
	play(g, g.next(wire.TypeRun))
	return cmd, await(t, result)
}

func TestCommandEnds(t *testing.T) {
	tests := []struct {
		name string
		exit wire.Exit
		want string // error text; "" is success
	}{
		{"success", wire.Exit{}, ""},
		{"exit status", wire.Exit{Code: 3}, "exit status 3"},
		{"signal", wire.Exit{Code: 137, Signal: 9}, "signal: killed"},
		{"signal alone", wire.Exit{Signal: 11}, "signal: segmentation fault"},
		{"not started", wire.Exit{Code: 127, Error: "no such file"}, "no such file"},
		{"not started, code 0", wire.Exit{Error: "no such file"}, "no such file"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := runs(t, func(vm *VM) *Cmd { return vm.Command("true") }, func(g *fakeGuest, run wire.Frame) {
				if tt.exit.Error == "" {
					g.send(wire.TypeStarted, run.ID, wire.Started{PID: 7})
				}
				g.send(wire.TypeExit, run.ID, tt.exit)
			})
			if tt.want == "" {
				require.NoError(t, err)
				return
			}
			var exit *ExitError
			require.ErrorAs(t, err, &exit)
			require.Equal(t, tt.exit, exit.Exit)
			require.EqualError(t, err, tt.want)
			require.NotErrorIs(t, err, ErrLost)
		})
	}
}

func TestOutputsStayApart(t *testing.T) {
	var stdout, stderr bytes.Buffer
	_, err := runs(t, func(vm *VM) *Cmd {
		c := vm.Command("sh", "-c", "both")
		c.Env, c.Dir, c.Modules = []string{"A=1"}, "/tmp", []string{"veth"}
		c.Stdout, c.Stderr = &stdout, &stderr
		return c
	}, func(g *fakeGuest, run wire.Frame) {
		var asked wire.Run
		require.NoError(t, run.JSON(&asked))
		require.Equal(t, wire.Run{Argv: []string{"sh", "-c", "both"}, Env: []string{"A=1"}, Dir: "/tmp", Modules: []string{"veth"}}, asked)
		g.send(wire.TypeStarted, run.ID, wire.Started{PID: 7})
		g.raw(wire.TypeStdout, run.ID, "out")
		g.raw(wire.TypeStderr, run.ID, "err")
		g.raw(wire.TypeStdout, run.ID, "\x00put")
		g.send(wire.TypeExit, run.ID, wire.Exit{})
	})
	require.NoError(t, err)
	require.Equal(t, "out\x00put", stdout.String())
	require.Equal(t, "err", stderr.String())
}

func TestOutput(t *testing.T) {
	g := readyGuest(t)
	go func() {
		id := g.next(wire.TypeRun).ID
		g.send(wire.TypeStarted, id, wire.Started{})
		g.raw(wire.TypeStdout, id, "6.12.1\n")
		g.raw(wire.TypeStderr, id, "dropped")
		g.send(wire.TypeExit, id, wire.Exit{Code: 1})
	}()
	out, err := g.vm.Command("uname", "-r").Output()
	require.EqualError(t, err, "exit status 1")
	require.Equal(t, "6.12.1\n", string(out))
}

func TestCombinedOutput(t *testing.T) {
	g := readyGuest(t)
	go func() {
		id := g.next(wire.TypeRun).ID
		g.send(wire.TypeStarted, id, wire.Started{})
		g.raw(wire.TypeStdout, id, "a")
		g.raw(wire.TypeStderr, id, "b")
		g.raw(wire.TypeStdout, id, "c")
		g.send(wire.TypeExit, id, wire.Exit{Code: 137, Signal: 9})
	}()
	out, err := g.vm.Command("sh").CombinedOutput()
	var exit *ExitError
	require.ErrorAs(t, err, &exit)
	require.Equal(t, 137, exit.ExitCode())
	require.Equal(t, "abc", string(out))
}

// TestTerminal: the size is known before the program can ask for it.
func TestTerminal(t *testing.T) {
	_, err := runs(t, func(vm *VM) *Cmd {
		c := vm.Command("bash")
		c.TTY, c.Rows, c.Cols = true, 24, 80
		return c
	}, func(g *fakeGuest, run wire.Frame) {
		var asked wire.Run
		require.NoError(t, run.JSON(&asked))
		require.True(t, asked.TTY)
		size := g.next(wire.TypeWinsize)
		require.Equal(t, run.ID, size.ID)
		require.JSONEq(t, `{"rows":24,"cols":80}`, string(size.Payload))
		g.send(wire.TypeStarted, run.ID, wire.Started{})
		g.send(wire.TypeExit, run.ID, wire.Exit{})
	})
	require.NoError(t, err)
}

// TestStartOfShortCommands: Start says how the start went, never how the
// command ended, however soon that was.
func TestStartOfShortCommands(t *testing.T) {
	g := readyGuest(t)
	for range 50 {
		go func() {
			f := <-g.frames
			for f.Type == wire.TypeStdinClose {
				f = <-g.frames // of the command before: it may come late or never
			}
			g.send(wire.TypeStarted, f.ID, wire.Started{})
			g.send(wire.TypeExit, f.ID, wire.Exit{Code: 1})
		}()
		cmd := g.vm.Command("false")
		require.NoError(t, cmd.Start())
		require.EqualError(t, cmd.Wait(), "exit status 1")
	}
}

// A guest that hangs before the program runs must not hang the host.
func TestStartIsCancelled(t *testing.T) {
	g := readyGuest(t)
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error, 1)
	go func() { result <- g.vm.CommandContext(ctx, "true").Start() }()
	id := g.next(wire.TypeRun).ID
	cancel()
	require.ErrorIs(t, await(t, result), context.Canceled)
	require.Equal(t, id, g.next(wire.TypeSignal).ID, "it must not start later")
}

func TestCancelKills(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	_, err := runs(t, func(vm *VM) *Cmd { return vm.CommandContext(ctx, "sleep", "inf") }, func(g *fakeGuest, run wire.Frame) {
		g.send(wire.TypeStarted, run.ID, wire.Started{})
		g.next(wire.TypeStdinClose)
		cancel()
		var signal wire.Signal
		require.NoError(t, g.next(wire.TypeSignal).JSON(&signal))
		require.Equal(t, wire.Signal{Num: int(syscall.SIGKILL), Group: true}, signal)
		g.send(wire.TypeExit, run.ID, wire.Exit{Code: 137, Signal: 9})
	})
	require.EqualError(t, err, "signal: killed")
}

// TestLostGuestEndsAllCommands, whatever they are waiting for.
func TestLostGuestEndsAllCommands(t *testing.T) {
	g := readyGuest(t)
	results := make(chan error, 3)
	var stdout bytes.Buffer
	for range 3 {
		go func() {
			c := g.vm.Command("sleep", "inf")
			c.Stdout = &stdout
			results <- c.Run()
		}()
	}
	first, second, _ := g.next(wire.TypeRun), g.next(wire.TypeRun), g.next(wire.TypeRun)
	g.send(wire.TypeStarted, first.ID, wire.Started{})
	g.send(wire.TypeStarted, second.ID, wire.Started{})
	_ = g.conn.Close()
	for range 3 {
		err := await(t, results)
		require.ErrorIs(t, err, ErrLost)
		var exit *ExitError
		require.False(t, errors.As(err, &exit), "nothing is known about its end")
	}
	require.ErrorIs(t, g.vm.Command("true").Run(), ErrLost)
}

// A frame after Exit is for an id that is closed: the output would have no
// owner, so the session is broken.
func TestOutputAfterExit(t *testing.T) {
	g := readyGuest(t)
	go func() {
		id := g.next(wire.TypeRun).ID
		g.send(wire.TypeStarted, id, wire.Started{})
		g.send(wire.TypeExit, id, wire.Exit{})
		g.raw(wire.TypeStdout, id, "late")
	}()
	require.NoError(t, g.vm.Command("true").Run())
	require.ErrorContains(t, g.ending(), "which is not open")
}

func TestStartedTwice(t *testing.T) {
	_, err := runs(t, func(vm *VM) *Cmd { return vm.Command("true") }, func(g *fakeGuest, run wire.Frame) {
		g.send(wire.TypeStarted, run.ID, wire.Started{})
		g.send(wire.TypeStarted, run.ID, wire.Started{})
	})
	require.ErrorIs(t, err, ErrLost)
	require.ErrorContains(t, err, "started twice")
}

// TestStdinWindow: the host is never more than a window ahead of a slow
// reader, and everything arrives in order.
func TestStdinWindow(t *testing.T) {
	const total = 3 * wire.StdinWindowBytes
	sent := strings.Repeat("0123456789abcdef", total/16)
	var read atomic.Int64
	var got bytes.Buffer
	_, err := runs(t, func(vm *VM) *Cmd {
		c := vm.Command("cat")
		c.Stdin = io.TeeReader(strings.NewReader(sent), countWriter{&read})
		return c
	}, func(g *fakeGuest, run wire.Frame) {
		g.send(wire.TypeStarted, run.ID, wire.Started{})
		for got.Len() < wire.StdinWindowBytes {
			got.Write(g.next(wire.TypeStdin).Payload)
		}
		time.Sleep(20 * time.Millisecond)
		require.Empty(t, g.frames, "the window is full")
		require.LessOrEqual(t, read.Load(), int64(wire.StdinWindowBytes))
		g.send(wire.TypeAck, run.ID, wire.Ack{SizeBytes: wire.StdinWindowBytes})
		unacked := 0
		for f := range g.frames {
			if f.Type == wire.TypeStdinClose {
				break
			}
			got.Write(f.Payload)
			if unacked += len(f.Payload); unacked > wire.StdinWindowBytes/2 {
				g.send(wire.TypeAck, run.ID, wire.Ack{SizeBytes: int64(unacked)})
				unacked = 0
			}
		}
		g.send(wire.TypeExit, run.ID, wire.Exit{})
	})
	require.NoError(t, err)
	require.True(t, sent == got.String(), "%d bytes arrived of %d", got.Len(), total)
}

type countWriter struct{ n *atomic.Int64 }

func (c countWriter) Write(p []byte) (int, error) {
	c.n.Add(int64(len(p)))
	return len(p), nil
}

// A command that ends without reading its input leaves nobody waiting.
func TestStdinOfACommandThatEnds(t *testing.T) {
	_, err := runs(t, func(vm *VM) *Cmd {
		c := vm.Command("true")
		c.Stdin = bytes.NewReader(make([]byte, 4*wire.StdinWindowBytes))
		return c
	}, func(g *fakeGuest, run wire.Frame) {
		g.send(wire.TypeStarted, run.ID, wire.Started{})
		g.next(wire.TypeStdin)
		g.send(wire.TypeExit, run.ID, wire.Exit{})
	})
	require.NoError(t, err)
}

// A writer of the caller's that fails is the caller's fault, and ends it all:
// output would be missing.
func TestStdoutThatCannotBeWritten(t *testing.T) {
	_, err := runs(t, func(vm *VM) *Cmd {
		c := vm.Command("true")
		c.Stdout = brokenWriter{}
		return c
	}, func(g *fakeGuest, run wire.Frame) {
		g.send(wire.TypeStarted, run.ID, wire.Started{})
		g.raw(wire.TypeStdout, run.ID, "x")
	})
	require.ErrorContains(t, err, "pass on output: broken")
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errors.New("broken") }
