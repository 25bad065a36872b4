package guest

import (
	"bytes"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"namespaces-cgroups-ebpf/vmtest/internal/wire"
)

// stage is a platform that runs commands on the test's own machine.
type stage struct {
	retired  bool
	advanced time.Duration
	emit     func(wire.Kmsg) error
	marks    string // a directory that commands may leave something in
}

func (s *stage) Hello() (wire.Hello, error)             { return wire.Hello{Protocol: wire.Protocol}, nil }
func (s *stage) Resume(wire.Resume) (wire.Ready, error) { return wire.Ready{}, nil }

func (s *stage) AdvanceClock(d time.Duration) error {
	s.advanced += d
	return nil
}

// ownerMark is in the environment of every command of these tests.
var ownerMark = fmt.Sprintf("VMTEST_GUEST_TEST=%d", os.Getpid())

func (s *stage) Start(path string, argv []string, attr *syscall.ProcAttr) (int, error) {
	return syscall.ForkExec(path, argv, attr)
}

// Sweep kills only what it can prove to be this test's: a process of the very
// session that also carries the test's mark in its environment.
func (s *stage) Sweep(session int, _ bool) []string {
	var names []string
	for _, p := range listProcesses("/proc") {
		if session > 1 && p.session == session && isOurs(p.pid) {
			names = append(names, p.name)
			_ = unix.Kill(p.pid, unix.SIGKILL)
		}
	}
	return names
}

func isOurs(pid int) bool {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	return err == nil && pid > 1 && pid != os.Getpid() && slices.Contains(strings.Split(string(data), "\x00"), ownerMark)
}

// Inventory lists the files that commands have made.
func (s *stage) Inventory() inventory {
	v := inventory{}
	addTree(v, "mark", s.marks, func(fs.DirEntry) bool { return true })
	return v
}

func (s *stage) Retire() { s.retired = true }
func (s *stage) Log(emit func(wire.Kmsg) error) (kernelLog, error) {
	s.emit = emit
	return s, nil
}
func (s *stage) follow() error { return nil }
func (s *stage) drain() error  { return s.emit(wire.Kmsg{Text: "line"}) }

// theReaper is shared: it reaps every child of the test process.
var theReaper = sync.OnceValue(func() *reaper {
	r := newReaper()
	go r.run()
	return r
})

// host is the other end of a session.
type host struct {
	t     *testing.T
	enc   *wire.Encoder
	dec   *wire.Decoder
	stage *stage
	ended chan error
	// lastID keeps the ids of sh apart: an id is never used twice.
	lastID uint32
}

func startSession(t *testing.T) *host {
	t.Helper()
	ours, theirs := net.Pipe()
	t.Cleanup(func() { ours.Close(); theirs.Close() })
	require.NoError(t, ours.SetDeadline(time.Now().Add(20*time.Second)))
	h := &host{
		t: t, enc: wire.NewEncoder(ours), dec: wire.NewDecoder(ours),
		stage: &stage{}, ended: make(chan error, 1),
	}
	go func() { h.ended <- newSession(theirs, h.stage, theReaper()).serve() }()
	require.Equal(t, wire.TypeHello, h.next().Type)
	h.send(wire.TypeResume, 0, wire.Resume{})
	require.Equal(t, wire.TypeKmsg, h.next().Type, "what was logged before Ready comes before it")
	require.Equal(t, wire.TypeReady, h.next().Type)
	return h
}

func (h *host) send(t wire.Type, id uint32, v any) {
	h.t.Helper()
	require.NoError(h.t, h.enc.EncodeJSON(t, id, v))
}

// next skips heartbeats, which come when they like.
func (h *host) next() wire.Frame {
	h.t.Helper()
	for {
		f, err := h.dec.Decode()
		require.NoError(h.t, err)
		if f.Type != wire.TypeHeartbeat {
			return f
		}
	}
}

// ran is all that a command sent.
type ran struct {
	stdout, stderr bytes.Buffer
	acked          int64
	started        bool
	exit           wire.Exit
}

// finish reads until the command's Exit.
func (h *host) finish(id uint32) *ran {
	h.t.Helper()
	r := &ran{}
	lastKmsg := false
	for {
		f := h.next()
		switch f.Type {
		case wire.TypeStarted:
			r.started = true
		case wire.TypeStdout:
			r.stdout.Write(f.Payload)
		case wire.TypeStderr:
			r.stderr.Write(f.Payload)
		case wire.TypeAck:
			var ack wire.Ack
			require.NoError(h.t, f.JSON(&ack))
			r.acked += ack.SizeBytes
		case wire.TypeExit:
			require.Equal(h.t, id, f.ID)
			require.True(h.t, lastKmsg, "the kernel log is drained before Exit")
			require.NoError(h.t, f.JSON(&r.exit))
			return r
		}
		lastKmsg = f.Type == wire.TypeKmsg
	}
}

func me(argv ...string) wire.Run {
	return wire.Run{
		Argv: argv, Env: []string{"PATH=" + defaultPath, "A=b", ownerMark},
		UID: uint32(os.Geteuid()), GID: uint32(os.Getegid()),
	}
}

func (h *host) sh(script string) *ran {
	h.t.Helper()
	h.lastID += 100
	h.send(wire.TypeRun, h.lastID, me("sh", "-c", script))
	require.NoError(h.t, h.enc.Encode(wire.TypeStdinClose, h.lastID, nil))
	return h.finish(h.lastID)
}

func TestCommandOutputAndStatus(t *testing.T) {
	r := startSession(t).sh(`echo "out $A"; echo err >&2; pwd; exit 7`)
	require.Equal(t, "out b\n/\n", r.stdout.String())
	require.Equal(t, "err\n", r.stderr.String())
	require.True(t, r.started)
	require.Equal(t, 7, r.exit.Code)
	require.Zero(t, r.exit.Signal)
	require.Empty(t, r.exit.Error)
	require.Equal(t, int64(8), r.exit.StdoutBytes)
	require.Equal(t, int64(4), r.exit.StderrBytes)
	require.False(t, r.exit.Truncated)
	require.Positive(t, r.exit.DurationNS)
	require.Positive(t, r.exit.MaxRSSBytes)
}

func TestCommandThatCannotStart(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "data"), nil, 0o644))
	full := me("true")
	full.OutDir = dir
	badDir := me("true")
	badDir.Dir = dir + "/none"
	tests := []struct {
		name string
		run  wire.Run
		code int
		want string
	}{
		{"not in path", me("no-such-program"), codeNotFound, "find no-such-program in PATH"},
		{"no such file", me(dir + "/none"), codeNotFound, "no such file"},
		{"not executable", me(dir + "/data"), codeCannotRun, "permission denied"},
		{"no such directory", badDir, codeNotFound, "no such file"},
		{"output directory in use", full, codeCannotRun, "is not empty"},
	}
	h := startSession(t)
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h.send(wire.TypeRun, uint32(i+1), tt.run)
			r := h.finish(uint32(i + 1))
			require.Equal(t, tt.code, r.exit.Code)
			require.Contains(t, r.exit.Error, tt.want)
			require.False(t, r.started)
		})
	}
}

func TestOutputLimit(t *testing.T) {
	h := startSession(t)
	run := me("sh", "-c", "head -c 300000 /dev/zero; echo end >&2")
	run.OutputLimitBytes = 100_000
	h.send(wire.TypeRun, 1, run)
	r := h.finish(1)
	require.Equal(t, 100_000, r.stdout.Len()+r.stderr.Len())
	require.Equal(t, int64(300_000), r.exit.StdoutBytes)
	require.Equal(t, int64(4), r.exit.StderrBytes)
	require.True(t, r.exit.Truncated)
	require.Zero(t, r.exit.Code, "a command must not see that its output is dropped")
}

func TestSignals(t *testing.T) {
	h := startSession(t)
	h.send(wire.TypeRun, 1, me("sh", "-c", "sleep 60; :"))
	h.send(wire.TypeSignal, 1, wire.Signal{Num: 9, Group: true})
	r := h.finish(1)
	require.Equal(t, 137, r.exit.Code)
	require.Equal(t, 9, r.exit.Signal)
	require.Less(t, r.exit.DurationNS, (10 * time.Second).Nanoseconds())
	h.send(wire.TypeSignal, 1, wire.Signal{Num: 9}) // it is over: no error
	require.Zero(t, h.sh("true").exit.Code)
}

func TestLeftoverIsKilledAndNamed(t *testing.T) {
	r := startSession(t).sh("sleep 61 & echo started")
	require.Equal(t, "started\n", r.stdout.String())
	require.Equal(t, []string{"sleep"}, r.exit.Leftover)
}

func TestInput(t *testing.T) {
	h := startSession(t)
	h.send(wire.TypeRun, 1, me("cat"))
	data := bytes.Repeat([]byte("0123456789"), 20_000)
	go func() {
		_, _ = h.enc.Stream(wire.TypeStdin, 1).Write(data)
		_ = h.enc.Encode(wire.TypeStdinClose, 1, nil)
	}()
	r := h.finish(1)
	require.True(t, bytes.Equal(data, r.stdout.Bytes()))
	require.Equal(t, int64(len(data)), r.acked)
}

func TestInputThatNobodyReads(t *testing.T) {
	h := startSession(t)
	h.send(wire.TypeRun, 1, me("sleep", "60"))
	_, err := h.enc.Stream(wire.TypeStdin, 1).Write(make([]byte, wire.StdinWindowBytes))
	require.NoError(t, err)
	h.send(wire.TypeSignal, 1, wire.Signal{Num: 15})
	require.Equal(t, 15, h.finish(1).exit.Signal)
}

func TestInputBeyondWindowEndsSession(t *testing.T) {
	h := startSession(t)
	h.send(wire.TypeRun, 1, me("sleep", "2"))
	go func() {
		_, _ = h.enc.Stream(wire.TypeStdin, 1).Write(make([]byte, 2*wire.StdinWindowBytes))
	}()
	go func() {
		for {
			if _, err := h.dec.Decode(); err != nil {
				return
			}
		}
	}()
	require.ErrorIs(t, <-h.ended, errWindow)
}

func TestTerminal(t *testing.T) {
	h := startSession(t)
	run := me("sh", "-c", `stty size; read x; echo "got $x"; test -t 0`)
	run.TTY = true
	h.send(wire.TypeRun, 1, run)
	h.send(wire.TypeWinsize, 1, wire.Winsize{Rows: 33, Cols: 99})
	require.NoError(t, h.enc.Encode(wire.TypeStdin, 1, []byte("abc\n")))
	r := h.finish(1)
	require.Zero(t, r.exit.Code)
	require.Contains(t, r.stdout.String(), "got abc")
}

func TestCommandsSideBySide(t *testing.T) {
	h := startSession(t)
	for id := uint32(1); id <= 5; id++ {
		h.send(wire.TypeRun, id, me("sh", "-c", "echo $$; sleep 0.1; exit "+strings.Repeat("1", int(id)%3+1)))
	}
	codes := map[uint32]int{}
	for len(codes) < 5 {
		if f := h.next(); f.Type == wire.TypeExit {
			var exit wire.Exit
			require.NoError(t, f.JSON(&exit))
			codes[f.ID] = exit.Code
		}
	}
	require.Equal(t, map[uint32]int{1: 11, 2: 111, 3: 1, 4: 11, 5: 111}, codes)
}

func TestShutdown(t *testing.T) {
	h := startSession(t)
	require.Zero(t, h.sh("true").exit.Code)
	require.NoError(t, h.enc.Encode(wire.TypeShutdown, 0, nil))
	f := h.next()
	for f.Type == wire.TypeKmsg {
		f = h.next()
	}
	var done wire.Done
	require.NoError(t, f.JSON(&done))
	require.Equal(t, wire.Done{FramesSent: f.Seq, Runs: 1}, done)
	require.True(t, h.stage.retired)
	h.send(wire.TypeAck, 0, wire.Ack{})
	require.NoError(t, <-h.ended)
}

// TestClock: a correction holds for every command that is sent after it.
func TestClock(t *testing.T) {
	h := startSession(t)
	h.send(wire.TypeClock, 0, wire.Clock{AdvanceNS: 7})
	h.send(wire.TypeClock, 0, wire.Clock{AdvanceNS: -2})
	require.Zero(t, h.sh("true").exit.Code)
	require.Equal(t, 5*time.Nanosecond, h.stage.advanced)
}

func TestProtocolErrorsEndTheSession(t *testing.T) {
	tests := []struct {
		name string
		kind wire.Type
		id   uint32
		body string
		want string
	}{
		{"guest's own frame", wire.TypeExit, 1, "{}", "not expected"},
		{"run without id", wire.TypeRun, 0, `{"argv":["true"]}`, "needs an id"},
		{"run without argv", wire.TypeRun, 1, `{}`, "needs an id and an argv"},
		{"malformed run", wire.TypeRun, 1, `{`, "malformed"},
		{"malformed clock", wire.TypeClock, 0, `{`, "malformed"},
		{"data without put", wire.TypeData, 4, "x", "no put with id 4"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := startSession(t)
			require.NoError(t, h.enc.Encode(tt.kind, tt.id, []byte(tt.body)))
			require.ErrorContains(t, <-h.ended, tt.want)
		})
	}
}

func TestPanicEndsTheSession(t *testing.T) {
	s := newSession(&bytes.Buffer{}, &stage{}, nil)
	s.spawn("worker", func() error { panic("boom") })
	require.ErrorContains(t, <-s.failed, "worker: panic: boom")
}
