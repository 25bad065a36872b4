//go:build vmtest && linux

package connsnoop_test

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"namespaces-cgroups-ebpf/connsnoop"
)

// churnParts make many connections that use a few ports again and again.
var churnParts = []part{
	{name: "churn", play: playChurn, root: true},
}

// churnCount is how many connections playChurn makes; churnEnv says another number.
const (
	churnCount = 50000
	churnEnv   = "CONNSNOOP_CHURN"
)

// churned is what one connection sends each way: it tells many apart.
func churned(i int) (there, back int) { return 1 + i%251, 1 + i%509 }

// playChurn makes connections one after the other, with 61 ports for the
// clients. They end with a reset from either side: no TIME_WAIT keeps a port
// from being used again at once.
func playChurn(a *actor) error {
	if err := sysctl("ipv4/ip_local_port_range", "40000 40060"); err != nil {
		return err
	}
	count, err := strconv.Atoi(os.Getenv(churnEnv))
	if err != nil {
		return err
	}
	l, err := a.listen("ipv4")
	if err != nil {
		return err
	}
	err = a.client.do(func() error {
		for i := range count {
			if err := l.churn(i); err != nil {
				return fmt.Errorf("connection %d: %w", i, err)
			}
		}
		return nil
	})
	return errors.Join(err, l.close())
}

// churn makes one connection, with as few calls as can be.
func (l *listener) churn(i int) error {
	fd, err := newSocket(l.network)
	if err != nil {
		return err
	}
	if err := unix.Connect(fd, sockaddr(l.network, l.port)); err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	client := conn{fd: fd}
	fd, _, err = unix.Accept4(l.fd, unix.SOCK_CLOEXEC)
	if err != nil {
		return fmt.Errorf("accept: %w", err)
	}
	server := conn{fd: fd}
	there, back := churned(i)
	err = errors.Join(client.write(make([]byte, there)), server.readExactly(there),
		server.write(make([]byte, back)), client.readExactly(back))
	if err != nil {
		return err
	}
	first, second := client.fd, server.fd
	if i%2 == 0 {
		first, second = second, first
	}
	reset := &unix.Linger{Onoff: 1}
	return errors.Join(unix.SetsockoptLinger(first, unix.SOL_SOCKET, unix.SO_LINGER, reset),
		unix.Close(first), awaitReset(second), unix.Close(second))
}

// awaitReset waits for a reset, which comes at once over loopback.
func awaitReset(fd int) error {
	return pollAll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLERR}})
}

// churnKey is what must be right of each connection's two records.
type churnKey struct {
	direction connsnoop.Direction
	result    connsnoop.Result
	tx, rx    uint64
}

// TestChurn has two records for each of very many connections, each with its
// own bytes, and none that a port's next use has spoiled.
func TestChurn(t *testing.T) {
	if os.Getenv(churnEnv) == "" {
		t.Setenv(churnEnv, strconv.Itoa(churnCount)) // whoever plays reads it
	}
	count, err := strconv.Atoi(os.Getenv(churnEnv))
	require.NoError(t, err, churnEnv)
	w := startWatch(t, connsnoop.Options{})
	perform(t, seeded(t), churnParts, func() {})
	requireNoneLive(t)
	stats := w.stop(t)
	require.EqualValues(t, 2*count, stats.Closed)
	require.Zero(t, stats.Lost())
	want, got, ports := map[churnKey]int{}, map[churnKey]int{}, map[uint16]bool{}
	for i := range count {
		there, back := churned(i)
		client, server := connsnoop.ResultAborted, connsnoop.ResultReset
		if i%2 == 0 {
			client, server = server, client
		}
		want[churnKey{connsnoop.Connect, client, uint64(there), uint64(back)}]++
		want[churnKey{connsnoop.Accept, server, uint64(back), uint64(there)}]++
	}
	for _, e := range w.ends() {
		got[churnKey{e.Direction, e.Result, e.TxBytes, e.RxBytes}]++
		if e.Direction == connsnoop.Connect {
			ports[e.Local.Port()] = true
		}
	}
	requireCounts(t, want, got)
	require.LessOrEqual(t, len(ports), 61, "ports are used again")
}

// requireCounts names the first few that differ.
func requireCounts(t *testing.T, want, got map[churnKey]int) {
	for key, n := range got {
		want[key] -= n
	}
	var wrong []string
	for key, n := range want {
		if n != 0 {
			wrong = append(wrong, fmt.Sprintf("%+d %+v", -n, key))
		}
	}
	slices.Sort(wrong)
	require.Empty(t, wrong[:min(len(wrong), 5)], "%d kinds of records too many or too few", len(wrong))
}
