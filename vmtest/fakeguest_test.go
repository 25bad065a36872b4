package vmtest

import (
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/vmtest/internal/wire"
)

// patience bounds every wait of these tests; a healthy one takes no time.
const patience = 20 * time.Second

// fakeGuest is the other end of a session: a guest init that says what the
// test tells it to.
type fakeGuest struct {
	t      *testing.T
	conn   net.Conn
	enc    *wire.Encoder
	frames chan wire.Frame // what the host sends
	vm     *VM
}

func newFakeGuest(t *testing.T) *fakeGuest {
	ours, theirs := net.Pipe()
	t.Cleanup(func() { _ = ours.Close(); _ = theirs.Close() })
	g := &fakeGuest{
		t: t, conn: theirs, enc: wire.NewEncoder(theirs), frames: make(chan wire.Frame, 1000),
		vm: &VM{session: newSession(ours), assets: &assets{}},
	}
	go func() {
		defer close(g.frames)
		for decoder := wire.NewDecoder(theirs); ; {
			f, err := decoder.Decode()
			if err != nil {
				return
			}
			g.frames <- f
		}
	}()
	return g
}

// ready is a guest that has said hello and is ready for commands.
func readyGuest(t *testing.T) *fakeGuest {
	g := newFakeGuest(t)
	g.send(wire.TypeHello, 0, wire.Hello{Protocol: wire.Protocol, Release: "6.12.1"})
	g.send(wire.TypeReady, 0, wire.Ready{})
	return g
}

// send passes a frame to the host. It is an error only if the host no longer
// reads, which tests of broken sessions see as the session's end.
func (g *fakeGuest) send(t wire.Type, id uint32, v any) {
	_ = g.conn.SetWriteDeadline(time.Now().Add(patience))
	_ = g.enc.EncodeJSON(t, id, v)
}

func (g *fakeGuest) raw(t wire.Type, id uint32, data string) {
	_ = g.conn.SetWriteDeadline(time.Now().Add(patience))
	_ = g.enc.Encode(t, id, []byte(data))
}

// next returns the host's next frame, which must be of the type.
func (g *fakeGuest) next(want wire.Type) wire.Frame {
	g.t.Helper()
	f := await(g.t, g.frames)
	require.Equal(g.t, want.String(), f.Type.String())
	return f
}

// ending waits for the session's end and returns its cause.
func (g *fakeGuest) ending() error {
	g.t.Helper()
	wait(g.t, g.vm.session.ended)
	return g.vm.session.cause()
}

// wait fails the test if c is not closed in time.
func wait(t *testing.T, c <-chan struct{}) {
	t.Helper()
	await(t, c)
}

// await returns what comes from c, if that comes in time.
func await[T any](t *testing.T, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		require.FailNow(t, "waited in vain")
		panic("unreachable")
	}
}

// give passes v to whoever reads c, if that is done in time.
func give[T any](t *testing.T, c chan<- T, v T) {
	t.Helper()
	select {
	case c <- v:
	case <-time.After(patience):
		require.FailNow(t, "nobody reads", "%v", v)
	}
}
