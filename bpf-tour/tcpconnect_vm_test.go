//go:build vmtest && linux

package bpftour_test

import (
	"net"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// connected is one connect of the workload, as the kernel's socket shows it.
type connected struct {
	family       float64
	saddr, daddr string
	sport, dport float64
}

// connect binds a new socket to a free port of addr, so that its port is
// known even if the connection is refused, and connects it to port.
func connect(t *testing.T, family int, addr string, port int) connected {
	t.Helper()
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	defer func() { _ = unix.Close(fd) }()
	require.NoError(t, unix.Bind(fd, sockaddr(family, addr, 0)))
	local, err := unix.Getsockname(fd)
	require.NoError(t, err)
	if err := unix.Connect(fd, sockaddr(family, addr, port)); err != nil {
		require.ErrorIs(t, err, unix.ECONNREFUSED)
	}
	c := connected{family: float64(family), saddr: addr, daddr: addr, dport: float64(port)}
	switch sa := local.(type) {
	case *unix.SockaddrInet4:
		c.sport = float64(sa.Port)
	case *unix.SockaddrInet6:
		c.sport = float64(sa.Port)
	}
	return c
}

func sockaddr(family int, addr string, port int) unix.Sockaddr {
	ip := net.ParseIP(addr)
	if family == unix.AF_INET {
		return &unix.SockaddrInet4{Port: port, Addr: [4]byte(ip.To4())}
	}
	return &unix.SockaddrInet6{Port: port, Addr: [16]byte(ip.To16())}
}

func TestVMTcpconnect(t *testing.T) {
	r := seeded(t)
	targets := []struct {
		family int
		addr   string
	}{{unix.AF_INET, "127.0.0.1"}, {unix.AF_INET6, "::1"}, {unix.AF_INET6, "::ffff:127.0.0.1"}}
	listener, err := net.Listen("tcp", ":0")
	require.NoError(t, err)
	defer func() { _ = listener.Close() }()
	open := listener.Addr().(*net.TCPAddr).Port
	closed := 1 + r.IntN(1000) // nothing listens in the guest
	s := startTour(t, "tcpconnect", "60s")
	var want []connected
	for range 20 + r.IntN(20) {
		target, port := targets[r.IntN(len(targets))], open
		if r.IntN(4) == 0 {
			port = closed
		}
		want = append(want, connect(t, target.family, target.addr, port))
	}
	time.Sleep(100 * time.Millisecond)
	result := s.stop(t)
	var got []connected
	for _, e := range mine(result.Events, os.Getpid()) {
		require.Equal(t, "bpf-tour.test", e["comm"])
		got = append(got, connected{
			e["family"].(float64), e["saddr"].(string), e["daddr"].(string),
			e["sport"].(float64), e["dport"].(float64),
		})
	}
	require.Equal(t, want, got)
}
