package vmtest

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/vmtest/internal/qemu"
	"namespaces-cgroups-ebpf/vmtest/internal/verdict"
	"namespaces-cgroups-ebpf/vmtest/internal/wire"
)

// playedMonitor is a QEMU that answers what a test says.
type playedMonitor struct {
	status string // "": it does not answer
	looks  [][]qemu.CPU
	err    error
}

func (m *playedMonitor) Status(ctx context.Context) (string, error) {
	if m.status == "" {
		<-ctx.Done()
		return "", context.Cause(ctx)
	}
	return m.status, nil
}

func (m *playedMonitor) CPUs(context.Context) ([]qemu.CPU, error) {
	if len(m.looks) == 0 {
		return nil, m.err
	}
	look := m.looks[0]
	if len(m.looks) > 1 {
		m.looks = m.looks[1:]
	}
	return look, nil
}

func watch(g *fakeGuest, m monitor, patience time.Duration) *watcher {
	return &watcher{
		session: g.vm.session, monitor: m, exited: make(chan struct{}), patience: patience,
		interval: time.Millisecond, answer: 10 * time.Millisecond, again: time.Millisecond,
	}
}

var (
	waits = qemu.CPU{Halted: true, Interrupts: true}
	dead  = qemu.CPU{Halted: true}
	spins = qemu.CPU{PC: 0xffffffff81000000}
)

// TestSilentGuest: a guest that says nothing is given up, and the reason says
// what it does meanwhile.
func TestSilentGuest(t *testing.T) {
	tests := []struct {
		name    string
		monitor playedMonitor
		want    verdict.Silence
	}{
		{"spins", playedMonitor{status: "running", looks: [][]qemu.CPU{{spins, dead}}},
			verdict.Silence{Status: "running", CPUs: verdict.CPUsSpin, Detail: "CPU 0 runs in the kernel at 0xffffffff81000000, CPU 1 is halted for good"}},
		{"spins at the second look", playedMonitor{status: "running", looks: [][]qemu.CPU{{waits}, {spins}}},
			verdict.Silence{Status: "running", CPUs: verdict.CPUsSpin, Detail: "CPU 0 runs in the kernel at 0xffffffff81000000"}},
		{"idle", playedMonitor{status: "running", looks: [][]qemu.CPU{{waits, dead}}},
			verdict.Silence{Status: "running", CPUs: verdict.CPUsIdle, Detail: "CPU 0 waits for an interrupt, CPU 1 is halted for good"}},
		{"QEMU has stopped it", playedMonitor{status: "io-error", looks: [][]qemu.CPU{{waits}}},
			verdict.Silence{Status: "io-error", CPUs: verdict.CPUsIdle, Detail: "CPU 0 waits for an interrupt"}},
		{"QEMU is mute", playedMonitor{}, verdict.Silence{Detail: "no answer within 10ms"}},
		{"QEMU will not say", playedMonitor{status: "running", err: errors.New("qmp: no such command")},
			verdict.Silence{Status: "running", Detail: "qmp: no such command"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := readyGuest(t)
			wait(t, g.vm.session.ready)
			watch(g, &tt.monitor, 20*time.Millisecond).run()
			err := g.ending()
			require.ErrorIs(t, err, ErrLost)
			require.ErrorIs(t, err, errSilent)
			require.ErrorContains(t, err, tt.want.Detail)
			got := *g.vm.session.silenced()
			require.GreaterOrEqual(t, got.ForNS, int64(20e6))
			got.ForNS = 0
			require.Equal(t, tt.want, got)
			require.Empty(t, g.vm.session.broken())
		})
	}
}

// TestHaltedGuest: who is halted for good is not waited for, not even in a
// boot; who has not booted yet may be silent otherwise.
func TestHaltedGuest(t *testing.T) {
	g := newFakeGuest(t)
	watch(g, &playedMonitor{status: "running", looks: [][]qemu.CPU{{waits}, {waits}, {spins}, {spins}, {dead}}}, time.Millisecond).run()
	require.ErrorIs(t, g.ending(), errSilent)
	require.Equal(t, verdict.CPUsHalted, g.vm.session.silenced().CPUs)
}

// TestPausedGuest: the CPUs of a machine that is being saved look halted.
func TestPausedGuest(t *testing.T) {
	g := newFakeGuest(t)
	w := watch(g, &playedMonitor{status: "paused", looks: [][]qemu.CPU{{dead}}}, time.Millisecond)
	w.silent = glanceEvery
	require.False(t, w.judge())
	require.Nil(t, g.vm.session.silenced())
}

// TestMuteQEMU: the time that QEMU is waited for in vain is silence too.
func TestMuteQEMU(t *testing.T) {
	g := readyGuest(t)
	wait(t, g.vm.session.ready)
	w := watch(g, &playedMonitor{}, 40*time.Millisecond)
	for w.silent = glanceEvery; !w.judge(); w.silent += glanceEvery {
		require.Less(t, w.silent, 40)
	}
	require.Empty(t, g.vm.session.silenced().Status)
}

// TestHeartbeat: any frame is a sign of life, and a watcher ends with what it
// watches.
func TestHeartbeat(t *testing.T) {
	g := readyGuest(t)
	wait(t, g.vm.session.ready)
	w := watch(g, &playedMonitor{}, time.Hour)
	before := w.session.frames()
	g.send(wire.TypeHeartbeat, 0, wire.Heartbeat{})
	require.Eventually(t, func() bool { return w.session.frames() > before && !w.session.busy() }, patience, time.Millisecond)
	_ = g.conn.Close()
	w.run()
	require.ErrorIs(t, g.ending(), io.EOF)

	exited := make(chan struct{})
	close(exited)
	w = watch(readyGuest(t), &playedMonitor{}, time.Hour)
	w.exited = exited
	w.run()
}

// TestSlowReader: while we do not listen, silence is ours.
func TestSlowReader(t *testing.T) {
	g := readyGuest(t)
	r, w := io.Pipe()
	cmd := g.vm.Command("yes")
	cmd.Stdout = w
	require.NoError(t, cmd.send())
	g.next(wire.TypeRun)
	go g.raw(wire.TypeStdout, 1, "y")
	require.Eventually(t, g.vm.session.busy, patience, time.Millisecond)
	_ = r.Close()
	require.Eventually(t, func() bool { return !g.vm.session.busy() }, patience, time.Millisecond)
}

// TestBreach tells who broke the protocol from who merely ended.
func TestBreach(t *testing.T) {
	tests := []struct {
		name  string
		speak func(*fakeGuest)
		want  string
	}{
		{"end", func(g *fakeGuest) { _ = g.conn.Close() }, ""},
		{"init gave up", func(g *fakeGuest) { g.send(wire.TypeError, 0, wire.Error{Message: "no disk"}) }, ""},
		{"truncated", func(g *fakeGuest) { _, _ = g.conn.Write([]byte{'V', 'M', 1}); _ = g.conn.Close() }, "truncated"},
		{"noise", func(g *fakeGuest) { _, _ = g.conn.Write(make([]byte, 64)) }, "corrupt"},
		{"two boots", func(g *fakeGuest) { g.send(wire.TypeHello, 0, wire.Hello{Protocol: wire.Protocol}) }, "hello twice"},
		{"forged done", func(g *fakeGuest) { g.send(wire.TypeDone, 0, wire.Done{FramesSent: 99}) }, "guest counts 99 frames"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := readyGuest(t)
			go tt.speak(g)
			require.Error(t, g.ending())
			if tt.want == "" {
				require.Empty(t, g.vm.session.broken())
				return
			}
			require.Contains(t, g.vm.session.broken(), tt.want)
		})
	}
}

// TestBootSplats: what the kernel complained about before the first test is in
// no test's log, and not forgotten.
func TestBootSplats(t *testing.T) {
	g := newFakeGuest(t)
	g.vm.assets = &assets{}
	g.send(wire.TypeHello, 0, wire.Hello{Protocol: wire.Protocol})
	g.send(wire.TypeKmsg, 0, wire.Kmsg{Seq: 0, Text: "Linux version 6.12"})
	g.send(wire.TypeKmsg, 0, wire.Kmsg{Seq: 1, Text: "WARNING: CPU: 0 PID: 1 at kernel/x.c:1 x+0x1/0x2"})
	g.send(wire.TypeReady, 0, wire.Ready{})
	g.send(wire.TypeKmsg, 0, wire.Kmsg{Seq: 2, Text: "Oops: of a test"})
	require.Eventually(t, func() bool { lines, _ := g.vm.session.takeKmsg(); return len(lines) == 1 }, patience, time.Millisecond)
	require.Equal(t, []string{"kernel WARN: WARNING: CPU: 0 PID: 1 at kernel/x.c:1 x+0x1/0x2"}, g.vm.bootSplats())
}
