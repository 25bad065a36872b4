//go:build vmtest && linux

package connsnoop_test

import (
	"bytes"
	"io"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestLimits checks --pid with --max-events, --port, and a full map.
func TestLimits(t *testing.T) {
	random := seeded(t)
	conversation := job{Workers: 1, Scenarios: []scenario{
		{Network: "ipv4", End: "client", ServerTx: 5}, {Network: "ipv6", End: "client", ServerTx: 6},
		{Network: "ipv4", End: "server", ServerTx: 7}, {Network: "mapped", End: "half", ServerTx: 8},
	}}
	server, client := startPeer(t, "server", 1001), startPeer(t, "client", 1002)
	conversation.Comm = randomName(random)
	server.send(t, conversation)
	server.receive(t, &conversation.Ports)
	port := conversation.Ports["ipv6"]

	byPID := startTracer(t, "pid.jsonl", "--pid", itoa(client.cmd.Process.Pid), "--max-events", "3")
	byPort := startTracer(t, "port.jsonl", "--port", itoa(int(port)))
	small := startTracer(t, "small.jsonl", "--max-conns", "1")
	client.send(t, conversation)
	clientSides := client.finish(t)
	sides := append(server.finish(t), clientSides...)

	events, _ := byPID.wait(t)
	require.Len(t, events, 3)
	requireSame(t, recorded(clientSides, events), events)
	events, _ = byPort.interrupt(t, syscall.SIGTERM)
	requireSame(t, withPort(sides, port), events)
	requireLoss(t, small, len(sides))
}

// requireLoss checks that connections that found no place are counted, and
// that the exit code tells.
func requireLoss(t *testing.T, tr *tracer, opened int) {
	require.NoError(t, tr.cmd.Process.Signal(syscall.SIGTERM))
	rest, err := io.ReadAll(tr.stderr)
	require.NoError(t, err)
	t.Logf("%s", rest)
	var exit *exec.ExitError
	require.ErrorAs(t, tr.cmd.Wait(), &exit)
	require.Equal(t, 3, exit.ExitCode())
	stats := parseStats(t, string(rest))
	require.NotZero(t, stats["map_full"])
	require.EqualValues(t, opened, stats["closed"]+stats["map_full"])
	require.Len(t, readEvents(t, tr.output), int(stats["closed"]))
}

// recorded are the sides that have a record: which of them end first is not
// for the client alone to say.
func recorded(sides []side, events []wire) (found []side) {
	for _, s := range sides {
		if slices.ContainsFunc(events, func(e wire) bool { return e.key() == s.key() }) {
			found = append(found, s)
		}
	}
	return found
}

func withPort(sides []side, port uint16) (found []side) {
	for _, s := range sides {
		if s.Local.Port() == port || s.Remote.Port() == port {
			found = append(found, s)
		}
	}
	return found
}

// TestRefused checks that a user without capabilities gets exit code 4 and
// one line.
func TestRefused(t *testing.T) {
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), executable(t), "trace", "--duration", "1s")
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	var exit *exec.ExitError
	require.ErrorAs(t, cmd.Run(), &exit)
	t.Log(stderr.String())
	require.Equal(t, 4, exit.ExitCode())
	require.Empty(t, stdout.String())
	require.Equal(t, 1, strings.Count(stderr.String(), "\n"))
	require.Contains(t, stderr.String(), "CAP_BPF")
}
