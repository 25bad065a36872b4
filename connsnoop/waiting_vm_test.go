//go:build vmtest && linux

package connsnoop_test

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"namespaces-cgroups-ebpf/connsnoop"
)

// TestAcceptBlockedBefore has two accept calls in the kernel when the tracer
// comes, whose returns no backend sees. Who closes is then the opener as far as
// anybody knows; a connection that ends before it is closed has none.
func TestAcceptBlockedBefore(t *testing.T) {
	for _, backend := range backendsHere(t) {
		t.Run(string(backend), func(t *testing.T) {
			closed, reset := startAccepting(t), startAccepting(t)
			awaitBlocked(t, 2)
			w := startWatch(t, connsnoop.Options{Backend: backend})
			closed.serve(t, func(client, server conn) {
				require.NoError(t, unix.Close(server.fd))
				require.NoError(t, unix.Close(client.fd))
			})
			reset.serve(t, func(client, server conn) {
				require.NoError(t, unix.SetsockoptLinger(client.fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1}))
				require.NoError(t, unix.Close(client.fd))
				require.NoError(t, awaitReset(server.fd))
				require.NoError(t, unix.Close(server.fd))
			})
			requireNoneLive(t)
			stats := w.stop(t)
			require.EqualValues(t, 2, stats.Late)
			requireOpener(t, w, closed.port, connsnoop.PIDClose, os.Getpid())
			requireOpener(t, w, reset.port, connsnoop.PIDUnknown, 0)
		})
	}
}

// requireOpener checks the accepting end of the one connection to a port.
func requireOpener(t *testing.T, w *watch, port uint16, source connsnoop.PIDSource, pid int) {
	var found int
	for _, e := range w.ends() {
		if e.Local.Port() != port {
			continue
		}
		found++
		require.Equal(t, connsnoop.Accept, e.Direction)
		require.Equal(t, source, e.PIDSource)
		require.EqualValues(t, pid, e.Opener.PID)
	}
	require.Equal(t, 1, found)
}

// accepting is a listener with a thread that waits in accept.
type accepting struct {
	fd       int
	port     uint16
	accepted chan int
}

func startAccepting(t *testing.T) *accepting {
	fd, port, err := listen("ipv4")
	require.NoError(t, err)
	a := &accepting{fd, port, make(chan int)}
	go func() {
		fd, _, _ := unix.Accept4(a.fd, unix.SOCK_CLOEXEC)
		a.accepted <- fd
	}()
	return a
}

func awaitBlocked(t *testing.T, n int) {
	require.Eventually(t, func() bool { return countAccepting() >= n }, patience, 10*time.Millisecond)
}

// serve connects, has the connection ended, and closes the listener.
func (a *accepting) serve(t *testing.T, end func(client, server conn)) {
	fd, err := newSocket("ipv4")
	require.NoError(t, err)
	require.NoError(t, unix.Connect(fd, sockaddr("ipv4", a.port)))
	end(conn{fd: fd}, conn{fd: <-a.accepted})
	require.NoError(t, unix.Close(a.fd))
}
