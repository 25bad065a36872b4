package vmtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/vmtest/internal/wire"
)

// TestOutputOrder: the first kernel's output comes at once, that of the others
// in their turn, each stream to its own place.
func TestOutputOrder(t *testing.T) {
	var stdout, stderr bytes.Buffer
	o := newOutputOrder(&stdout, &stderr)
	defer o.discard()
	write := func(s *execStreams, second bool, text string) {
		n, err := streamOf{s, second}.Write([]byte(text))
		require.NoError(t, err)
		require.Equal(t, len(text), n)
	}
	first, second, third := o.open(0), o.open(1), o.open(2)
	write(third, false, "3a ")
	write(second, false, "2a ")
	write(first, false, "1a ")
	require.Equal(t, "1a ", stdout.String())
	write(second, true, "2e ")
	second.say("note")
	second.close()
	write(third, false, "3b ")
	require.Equal(t, "1a ", stdout.String(), "the first is not done")
	write(first, true, "1e ")
	first.close()
	require.Equal(t, "1a 2a 3a 3b ", stdout.String(), "the third is next, and has its turn")
	require.Equal(t, "1e 2e note\n", stderr.String())
	write(third, false, "3c")
	third.close()
	require.Equal(t, "1a 2a 3a 3b 3c", stdout.String())
	require.EqualValues(t, 3, second.stdout.Load())
	require.EqualValues(t, 3, second.stderr.Load(), "what we say ourselves is no output")
}

// TestBrokenOutput: who reads us may go; the commands are told, once.
func TestBrokenOutput(t *testing.T) {
	var stderr bytes.Buffer
	o := newOutputOrder(errorWriter{syscall.EPIPE}, &stderr)
	told := make(chan struct{}, 2)
	o.broken = func() { told <- struct{}{} }
	s := o.open(0)
	for range 3 {
		_, err := streamOf{s, false}.Write([]byte("x"))
		require.NoError(t, err)
	}
	await(t, told)
	require.Empty(t, told)

	full := newOutputOrder(errorWriter{syscall.ENOSPC}, nil)
	_, err := streamOf{full.open(0), false}.Write([]byte("x"))
	require.ErrorIs(t, err, syscall.ENOSPC)
}

type errorWriter struct{ err error }

func (e errorWriter) Write([]byte) (int, error) { return 0, e.err }

// TestReplay: every reader gets everything, and nothing is read before somebody
// wants it.
func TestReplay(t *testing.T) {
	require.Nil(t, newReplay(nil).reader())
	source, w := io.Pipe()
	r := newReplay(source)
	defer r.close()
	early := r.reader()
	go func() {
		for i := range 5 {
			fmt.Fprintf(w, "line %d\n", i)
		}
		_ = w.CloseWithError(io.EOF)
	}()
	want := "line 0\nline 1\nline 2\nline 3\nline 4\n"
	data, err := io.ReadAll(early)
	require.NoError(t, err)
	require.Equal(t, want, string(data))
	data, err = io.ReadAll(r.reader())
	require.NoError(t, err)
	require.Equal(t, want, string(data))

	broken := newReplay(io.MultiReader(strings.NewReader("ab"), brokenReader{}))
	for range 2 {
		data, err = io.ReadAll(broken.reader())
		require.EqualError(t, err, "broken")
		require.Equal(t, "ab", string(data))
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, errors.New("broken") }

// TestReplayClosed: a reader of an input that says nothing can be let go.
func TestReplayClosed(t *testing.T) {
	source, _ := io.Pipe()
	r := newReplay(source)
	result := make(chan error, 1)
	go func() {
		_, err := r.reader().Read(make([]byte, 1))
		result <- err
	}()
	r.close()
	require.Error(t, await(t, result))
}

// TestSignals: they go to the commands; the second that asks for the end, and
// any without a command, ends everything.
func TestSignals(t *testing.T) {
	g := readyGuest(t)
	cmd := g.vm.Command("sleep", "inf")
	require.NoError(t, cmd.send())
	g.next(wire.TypeRun)
	f, signals := newSignalFan(), make(chan syscall.Signal)
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	go f.forward(ctx, signals, cancel)
	require.True(t, f.wanted())
	require.True(t, f.add(cmd))
	for _, sig := range []syscall.Signal{syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGQUIT, syscall.SIGINT} {
		give(t, signals, sig)
		var got wire.Signal
		require.NoError(t, g.next(wire.TypeSignal).JSON(&got))
		require.Equal(t, wire.Signal{Num: int(sig), Group: true}, got)
		require.NoError(t, ctx.Err())
	}
	require.False(t, f.wanted(), "no further kernel is booted")
	require.False(t, f.add(cmd))
	give(t, signals, syscall.SIGTERM)
	wait(t, ctx.Done())
	require.EqualError(t, context.Cause(ctx), "interrupted")

	idle := newSignalFan()
	f.remove(cmd)
	require.False(t, idle.pass(syscall.SIGQUIT), "while a VM boots")
}
