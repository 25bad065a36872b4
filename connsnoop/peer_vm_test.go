//go:build vmtest && linux

package connsnoop_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestMain lets the test binary be its own client and server: each is a
// process with a name and a user of its own, that says what it really did.
func TestMain(m *testing.M) {
	for env, run := range others {
		if text := os.Getenv(env); text != "" {
			if err := run(text); err != nil {
				fmt.Fprintf(os.Stderr, "%s: %s: %v\n", env, text, err)
				os.Exit(1)
			}
			return
		}
	}
	roles := map[string]func(job, *json.Encoder) error{"client": runClient, "server": runServer}
	role, ok := roles[os.Getenv("CONNSNOOP_PEER")]
	if !ok {
		m.Run()
		return
	}
	if err := runPeer(role); err != nil {
		fmt.Fprintln(os.Stderr, "peer:", err)
		os.Exit(1)
	}
}

// others are what the test binary is besides, by environment variable.
var others = map[string]func(string) error{actorEnv: runActor, extraEnv: runHelper}

// init keeps the main goroutine of a peer on the main thread, whose name is
// the process's: everything else then runs in other threads.
func init() {
	if os.Getenv("CONNSNOOP_PEER")+os.Getenv(actorEnv)+os.Getenv(extraEnv) != "" {
		runtime.LockOSThread()
	}
}

// scenario is one connection: what each side sends, and how it ends.
type scenario struct {
	Network            string // "ipv4", "ipv6" or "mapped"
	ClientTx, ServerTx int
	End                string // which of endings
	Retry              bool   // the client's socket is refused once before
}

var (
	networks = []string{"ipv4", "ipv6", "mapped"}
	endings  = []string{"client", "server", "half", "reset", "unread"}
	// In these the server waits, on a pipe, until the client has closed: in
	// FIN_WAIT2, or with data that the server had no room for.
	orderedEndings = []string{"early", "queued"}
)

// orderFD is the pipe, in both peers.
const orderFD = 3

// job is what a peer reads from stdin.
type job struct {
	Comm      string
	Scenarios []scenario
	Workers   int
	Ports     map[string]uint16 // of the server, by network; for the client
	Failures  bool              // the client also tries what must fail
}

// side is one end of one connection as its owner knows it. Times are
// CLOCK_MONOTONIC in nanoseconds, read around the system calls.
type side struct {
	Direction                 string
	Mapped                    bool
	Local, Remote             netip.AddrPort
	PID, TID, UID             int
	Comm                      string
	Netns                     uint64
	Tx, Rx                    uint64
	OpenedFrom, OpenedUntil   int64
	ClosingFrom, ClosingUntil int64
	State                     uint8 // TCP_INFO just before close
}

// peer is a running client or server.
type peer struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
	out   *json.Decoder
}

// startPeer starts a process that waits for its job; order becomes orderFD.
func startPeer(t *testing.T, role string, uid uint32, order ...*os.File) *peer {
	self, err := os.Executable()
	require.NoError(t, err)
	p := &peer{cmd: exec.CommandContext(t.Context(), self)}
	p.cmd.Env = append(os.Environ(), "CONNSNOOP_PEER="+role)
	p.cmd.Stderr, p.cmd.ExtraFiles = os.Stderr, order
	p.cmd.SysProcAttr = &syscall.SysProcAttr{
		Credential: &syscall.Credential{Uid: uid, Gid: uid},
	}
	p.stdin, err = p.cmd.StdinPipe()
	require.NoError(t, err)
	stdout, err := p.cmd.StdoutPipe()
	require.NoError(t, err)
	p.out = json.NewDecoder(stdout)
	require.NoError(t, p.cmd.Start())
	return p
}

func (p *peer) send(t *testing.T, j job) {
	require.NoError(t, json.NewEncoder(p.stdin).Encode(j))
}

func (p *peer) receive(t *testing.T, into any) {
	require.NoError(t, p.out.Decode(into), "peer's answer")
}

// finish reads the sides and waits for the process to end well.
func (p *peer) finish(t *testing.T) (sides []side) {
	p.receive(t, &sides)
	require.NoError(t, p.stdin.Close())
	require.NoError(t, p.cmd.Wait())
	return sides
}

// runPeer is main of a peer process. Writing /proc/self/comm names the group
// leader, not the threads that do the work.
func runPeer(role func(job, *json.Encoder) error) error {
	var j job
	if err := json.NewDecoder(os.Stdin).Decode(&j); err != nil {
		return fmt.Errorf("read job: %w", err)
	}
	if err := os.WriteFile("/proc/self/comm", []byte(j.Comm), 0); err != nil {
		return fmt.Errorf("set name: %w", err)
	}
	done := make(chan error)
	go func() { done <- role(j, json.NewEncoder(os.Stdout)) }()
	return <-done
}
