package vmtest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/vmtest/internal/wire"
)

// TestProtocolFaults: each one ends the session, and says why.
func TestProtocolFaults(t *testing.T) {
	hello := wire.Hello{Protocol: wire.Protocol}
	tests := []struct {
		name  string
		speak func(*fakeGuest)
		want  string
	}{
		{"hello twice", func(g *fakeGuest) { g.send(wire.TypeHello, 0, hello) }, "hello twice"},
		{"ready twice", func(g *fakeGuest) { g.send(wire.TypeReady, 0, wire.Ready{}) }, "ready twice"},
		{"done twice", func(g *fakeGuest) {
			g.send(wire.TypeDone, 0, wire.Done{FramesSent: 3})
			again := wire.NewEncoder(&skipWriter{g.conn, 3}) // ours refuses to go on
			for range 4 {
				_ = again.EncodeJSON(wire.TypeHeartbeat, 0, wire.Heartbeat{})
			}
		}, "frame after done"},
		{"unknown id", func(g *fakeGuest) { g.raw(wire.TypeStdout, 7, "x") }, "stdout frame for id 7, which is not open"},
		{"frame that only the host sends", func(g *fakeGuest) { g.send(wire.TypeRun, 0, wire.Run{}) }, "unexpected run frame"},
		{"malformed payload", func(g *fakeGuest) { g.raw(wire.TypeKmsg, 0, "{") }, "malformed"},
		{"error of guest init", func(g *fakeGuest) { g.send(wire.TypeError, 0, wire.Error{Message: "no disk"}) }, "guest init gave up: no disk"},
		{"done counts fewer frames", func(g *fakeGuest) { g.send(wire.TypeDone, 0, wire.Done{FramesSent: 2}) }, "guest counts 2 frames, 3 came"},
		{"done counts more frames", func(g *fakeGuest) { g.send(wire.TypeDone, 0, wire.Done{FramesSent: 4}) }, "guest counts 4 frames, 3 came"},
		{"gap in the sequence", func(g *fakeGuest) {
			var lost bytes.Buffer
			other := wire.NewEncoder(&lost)
			for range 5 {
				lost.Reset()
				_ = other.EncodeJSON(wire.TypeHeartbeat, 0, wire.Heartbeat{})
			}
			_, _ = g.conn.Write(lost.Bytes())
		}, "gap, want 3, got 5"},
		{"truncated stream", func(g *fakeGuest) { _, _ = g.conn.Write([]byte{'V', 'M', 1}); _ = g.conn.Close() }, "truncated"},
		{"noise", func(g *fakeGuest) { _, _ = g.conn.Write(bytes.Repeat([]byte("noise "), 8)) }, "corrupt"},
		{"end of the stream", func(g *fakeGuest) { _ = g.conn.Close() }, "EOF"},
		{"kernel log goes back", func(g *fakeGuest) {
			g.send(wire.TypeKmsg, 0, wire.Kmsg{Seq: 9})
			g.send(wire.TypeKmsg, 0, wire.Kmsg{Seq: 8})
		}, "kernel log goes back from line 10 to 8"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := readyGuest(t)
			go tt.speak(g)
			err := g.ending()
			require.ErrorIs(t, err, ErrLost)
			require.ErrorContains(t, err, tt.want)
		})
	}
}

// skipWriter drops the first n writes.
type skipWriter struct {
	w    io.Writer
	skip int
}

func (s *skipWriter) Write(p []byte) (int, error) {
	if s.skip--; s.skip >= 0 {
		return len(p), nil
	}
	return s.w.Write(p)
}

func TestOtherProtocol(t *testing.T) {
	g := newFakeGuest(t)
	go g.send(wire.TypeHello, 0, wire.Hello{Protocol: wire.Protocol + 1})
	require.ErrorContains(t, g.ending(), "the initramfs is stale")
	require.ErrorIs(t, g.vm.session.await(t.Context(), g.vm.session.hello, "guest init"), ErrLost)
}

func TestAwait(t *testing.T) {
	g := newFakeGuest(t)
	s := g.vm.session
	ctx, cancel := context.WithTimeoutCause(t.Context(), time.Millisecond, errors.New("no answer within 1ms"))
	defer cancel()
	require.EqualError(t, s.await(ctx, s.hello, "guest init"), "wait for guest init: no answer within 1ms")
	go g.send(wire.TypeHello, 0, wire.Hello{Protocol: wire.Protocol, Release: "6.12.1"})
	require.NoError(t, s.await(t.Context(), s.hello, "guest init"))
	require.Equal(t, "6.12.1", s.helloMsg.Release)
	_ = g.conn.Close()
	wait(t, s.ended)
	require.NoError(t, s.await(t.Context(), s.hello, "guest init"), "it came before the end")
	require.ErrorIs(t, s.await(t.Context(), s.ready, "ready"), ErrLost)
	_, err := s.open(&Cmd{})
	require.ErrorIs(t, err, ErrLost)
}

func TestDone(t *testing.T) {
	g := readyGuest(t)
	go func() { _ = g.enc.EncodeDone(wire.Done{Runs: 2}) }()
	g.next(wire.TypeAck)
	wait(t, g.vm.session.done)
	require.Equal(t, 2, g.vm.session.doneMsg.Runs)
	_ = g.conn.Close()
	require.ErrorIs(t, g.ending(), io.EOF)
}

// TestKmsg: lines of the boot are nobody's; of the rest, none goes missing
// without being counted.
func TestKmsg(t *testing.T) {
	g := newFakeGuest(t)
	s := g.vm.session
	line := func(seq uint64) { g.send(wire.TypeKmsg, 0, wire.Kmsg{Seq: seq, Text: "line"}) }
	sync := func() { // a frame that is acknowledged by closing a channel
		g.send(wire.TypeReady, 0, wire.Ready{})
		wait(t, s.ready)
	}
	g.send(wire.TypeHello, 0, wire.Hello{Protocol: wire.Protocol})
	line(0)
	line(5) // the boot may overwrite its own
	sync()
	require.False(t, isClosed(s.ended))
	lines, lost := s.takeKmsg()
	require.Empty(t, lines)
	require.Zero(t, lost)

	line(6)
	line(9)
	for seq := uint64(10); seq < 10+kmsgLimit; seq++ {
		line(seq)
	}
	_ = g.enc.EncodeDone(wire.Done{})
	wait(t, s.done)
	lines, lost = s.takeKmsg()
	require.Len(t, lines, kmsgLimit)
	require.Equal(t, 2+2, lost, "two never came, two came over the limit")
	lines, lost = s.takeKmsg()
	require.Empty(t, lines)
	require.Zero(t, lost)
}

func TestSilence(t *testing.T) {
	g := readyGuest(t)
	wait(t, g.vm.session.ready)
	g.vm.session.mu.Lock()
	g.vm.session.heard = time.Now().Add(-time.Hour)
	g.vm.session.mu.Unlock()
	require.Greater(t, g.vm.session.silence(), 59*time.Minute)
	g.send(wire.TypeHeartbeat, 0, wire.Heartbeat{})
	require.Eventually(t, func() bool { return g.vm.session.silence() < time.Minute }, patience, time.Millisecond)
}
