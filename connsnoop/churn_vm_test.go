//go:build vmtest && linux

package connsnoop_test

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"namespaces-cgroups-ebpf/connsnoop"
)

// churnParts make many connections that use a few ports again and again.
var churnParts = []part{
	{name: "churn", play: playChurn, root: true},
	{name: "crowd", play: playCrowd, root: true},
}

// churnCount is how many connections such a part makes; churnEnv says another number.
const (
	churnCount = 50000
	churnEnv   = "CONNSNOOP_CHURN"
	crowdSize  = 16
)

func churnsHere() (int, error) { return strconv.Atoi(os.Getenv(churnEnv)) }

// churned is what one connection sends each way: it tells many apart.
func churned(i int) (there, back int) { return 1 + i%251, 1 + i%509 }

// playChurn makes connections one after the other, with 61 ports for the
// clients. They end with a reset from either side: no TIME_WAIT keeps a port
// from being used again at once.
func playChurn(a *actor) error {
	if err := sysctl("ipv4/ip_local_port_range", "40000 40060"); err != nil {
		return err
	}
	count, err := churnsHere()
	if err != nil {
		return err
	}
	l, err := a.listen("ipv4")
	if err != nil {
		return err
	}
	err = a.client.do(func() error { return l.churnAll(0, count, 1) })
	return errors.Join(err, l.close())
}

// playCrowd makes as many, but from more threads than there are CPUs, each
// with a listener of its own: they interrupt one another in system calls.
func playCrowd(a *actor) error {
	count, err := churnsHere()
	if err != nil {
		return err
	}
	done := make(chan error)
	for i := range crowdSize {
		l, err := a.listen(networks[i%len(networks)])
		if err != nil {
			return err
		}
		go func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			done <- errors.Join(l.churnAll(i, count, crowdSize), l.close())
		}()
	}
	for range crowdSize {
		err = errors.Join(err, <-done)
	}
	return err
}

// churnAll makes the connections from first on, in steps.
func (l *listener) churnAll(first, count, step int) error {
	for i := first; i < count; i += step {
		if err := l.churn(i); err != nil {
			return fmt.Errorf("connection %d: %w", i, err)
		}
	}
	return nil
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
	source    connsnoop.PIDSource
	result    connsnoop.Result
	tx, rx    uint64
}

// TestChurn has two records for each of very many connections, each with its
// own bytes, and none that a port's next use has spoiled.
func TestChurn(t *testing.T) {
	eachBackend(t, func(t *testing.T, backend connsnoop.Backend) {
		ends := requireChurned(t, backend, churnParts[0])
		ports := map[uint16]bool{}
		for _, e := range ends {
			if e.Direction == connsnoop.Connect {
				ports[e.Local.Port()] = true
			}
		}
		require.LessOrEqual(t, len(ports), 61, "ports are used again")
	})
}

// TestCrowd has the same of connections that are made at the same time.
func TestCrowd(t *testing.T) {
	eachBackend(t, func(t *testing.T, backend connsnoop.Backend) {
		requireChurned(t, backend, churnParts[1])
	})
}

func eachBackend(t *testing.T, test func(*testing.T, connsnoop.Backend)) {
	for _, backend := range backendsHere(t) {
		t.Run(string(backend), func(t *testing.T) { test(t, backend) })
	}
}

// requireChurned plays a part of churnParts and compares all records.
func requireChurned(t *testing.T, backend connsnoop.Backend, p part) []connsnoop.Event {
	if os.Getenv(churnEnv) == "" {
		t.Setenv(churnEnv, strconv.Itoa(churnCount)) // whoever plays reads it
	}
	count, err := churnsHere()
	require.NoError(t, err, churnEnv)
	w := startWatch(t, connsnoop.Options{Backend: backend})
	perform(t, seeded(t), []part{p}, func() {})
	requireNoneLive(t)
	stats := w.stop(t)
	assert.Zero(t, stats.Lost())
	assert.Zero(t, stats.Late, "seen at their end only")
	want, got := churnWanted(count), map[churnKey]int{}
	for _, e := range w.ends() {
		got[churnKey{e.Direction, e.PIDSource, e.Result, e.TxBytes, e.RxBytes}]++
	}
	requireCounts(t, want, got)
	require.EqualValues(t, 2*count, stats.Closed)
	return w.ends()
}

func churnWanted(count int) map[churnKey]int {
	want := map[churnKey]int{}
	for i := range count {
		there, back := churned(i)
		client, server := connsnoop.ResultAborted, connsnoop.ResultReset
		if i%2 == 0 {
			client, server = server, client
		}
		want[churnKey{connsnoop.Connect, connsnoop.PIDConnect, client, uint64(there), uint64(back)}]++
		want[churnKey{connsnoop.Accept, connsnoop.PIDAccept, server, uint64(back), uint64(there)}]++
	}
	return want
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
