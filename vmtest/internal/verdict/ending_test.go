package verdict_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/internal/report"
	"namespaces-cgroups-ebpf/vmtest/internal/verdict"
	"namespaces-cgroups-ebpf/vmtest/internal/wire"
)

// died is a trace whose first test passed and whose second one never ended.
func died(change func(*verdict.Trace)) verdict.Trace {
	t := green()
	t.Runs[1].Exit, t.Done, t.Shutdown, t.Fault = nil, nil, "", "run bpf-tour: guest lost: EOF"
	t.QEMU = &verdict.QEMUEnd{}
	change(&t)
	return t
}

func says(line string) func(*verdict.Trace) {
	return func(t *verdict.Trace) { t.Console = []byte("[   12.345678] " + line + "\r\n") }
}

// TestEndings: each way in which a guest can be lost under a test has a name,
// an outcome of its own, and takes back the test that had passed before.
func TestEndings(t *testing.T) {
	const lost, infra, panicked, timeout = report.Lost, report.Infra, report.Panic, report.Timeout
	silent := func(s verdict.Silence) func(*verdict.Trace) {
		s.ForNS = 30e9
		return func(t *verdict.Trace) { t.Silence, t.QEMU = &s, &verdict.QEMUEnd{Signal: 9, ByUs: true} }
	}
	and := func(changes ...func(*verdict.Trace)) func(*verdict.Trace) {
		return func(t *verdict.Trace) {
			for _, change := range changes {
				change(t)
			}
		}
	}
	shutdown := func(reason string) func(*verdict.Trace) { return func(t *verdict.Trace) { t.Shutdown = reason } }
	tests := []struct {
		name   string
		change func(*verdict.Trace)
		want   report.Outcome
		reason string
	}{
		{"kernel panic", and(says("Kernel panic - not syncing: sysrq triggered crash"), shutdown("guest-reset")), panicked,
			"Kernel panic - not syncing: sysrq triggered crash"},
		{"init exit", and(says("Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000009"), shutdown("guest-reset")), panicked,
			"guest init exited: Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000009"},
		{"out of memory for init", and(says("Kernel panic - not syncing: System is deadlocked on memory"), shutdown("guest-reset")), panicked,
			"guest ran out of memory for init itself: Kernel panic - not syncing: System is deadlocked on memory"},
		{"panic with a thread's number", and(func(t *verdict.Trace) {
			t.Console = []byte("[   12.345678][  T301] Kernel panic - not syncing: Fatal exception in interrupt\n")
		}, shutdown("guest-reset")), panicked, "kernel oops that ended the kernel: Kernel panic - not syncing: Fatal exception in interrupt"},
		{"panic that QEMU alone has seen", shutdown("guest-panic"), panicked, "guest kernel panicked and left no words on the console"},
		{"power-off", and(says("reboot: Power down"), shutdown("guest-shutdown")), lost, "guest powered off, while the test ran"},
		{"agent killed for memory", and(says("Out of memory: Killed process 77 (vmtest-agent) total-vm:1kB"), shutdown("guest-shutdown")), lost,
			"guest powered off after its agent was killed for memory: Out of memory: Killed process 77 (vmtest-agent) total-vm:1kB, while the test ran"},
		{"reboot", and(says("reboot: Restarting system"), shutdown("guest-reset")), lost, "guest rebooted: reboot: Restarting system, while the test ran"},
		{"sysrq reboot", and(says("sysrq: Resetting"), shutdown("guest-reset")), lost, "guest rebooted: sysrq: Resetting, while the test ran"},
		{"triple fault", shutdown("guest-reset"), lost, "guest reset itself without a word: a triple fault or a hard reset, while the test ran"},
		{"forged reboot line", and(func(t *verdict.Trace) { t.Console = []byte("reboot: Restarting system\n") }, shutdown("guest-reset")), lost,
			"guest reset itself without a word: a triple fault or a hard reset, while the test ran"},
		{"halt", and(says("reboot: System halted"), silent(verdict.Silence{Status: "running", CPUs: verdict.CPUsHalted})), lost,
			"guest halted: reboot: System halted, while the test ran"},
		{"halt without a word", silent(verdict.Silence{Status: "running", CPUs: verdict.CPUsHalted, Detail: "CPU 0 halted"}), lost,
			"guest halted without a word: CPU 0 halted, while the test ran"},
		{"hang, spinning", silent(verdict.Silence{Status: "running", CPUs: verdict.CPUsSpin, Detail: "CPU 0 in the kernel"}), timeout,
			"guest hung: silent for 30s, CPUs spinning (CPU 0 in the kernel), while the test ran"},
		{"hang, idle", silent(verdict.Silence{Status: "running", CPUs: verdict.CPUsIdle, Detail: "CPU 0 waits"}), timeout,
			"guest hung: silent for 30s, CPUs idle (CPU 0 waits), while the test ran"},
		{"QEMU stuck", silent(verdict.Silence{Detail: "no answer within 5s"}), infra,
			"QEMU is stuck: it does not answer (no answer within 5s), and the guest was silent for 30s, while the test ran"},
		{"QEMU stopped the guest", silent(verdict.Silence{Status: "io-error"}), infra,
			"QEMU has stopped the guest (io-error), which was silent for 30s, while the test ran"},
		{"QEMU killed", func(t *verdict.Trace) { t.QEMU.Signal = 9 }, lost, "QEMU was killed by signal 9 (killed), while the test ran"},
		{"QEMU gave up", func(t *verdict.Trace) { t.QEMU.Code, t.QEMU.Stderr = 1, "qemu: out of memory" }, lost,
			"QEMU ended with exit status 1: qemu: out of memory, while the test ran"},
		{"QEMU told to stop", shutdown("host-signal"), lost, "somebody on the host told QEMU to stop, while the test ran"},
		{"channel truncated", func(t *verdict.Trace) { t.Broken = "frame truncated" }, lost, "result channel cannot be trusted: frame truncated, while the test ran"},
		{"channel broken, then powered off", and(func(t *verdict.Trace) { t.Broken = "frame corrupt" }, shutdown("guest-shutdown")), lost,
			"result channel cannot be trusted: frame corrupt, while the test ran"},
		{"hang after an oops", and(silent(verdict.Silence{Status: "running", CPUs: verdict.CPUsSpin, Detail: "x"}), func(t *verdict.Trace) {
			t.Runs[1].Kmsg = []wire.Kmsg{{Text: "Oops: 0002 [#1] SMP"}}
		}), timeout, "guest hung: silent for 30s, CPUs spinning (x), while the test ran; before that: kernel oops: Oops: 0002 [#1] SMP"},
		{"no name for it", func(*verdict.Trace) {}, lost, "no exit record: run bpf-tour: guest lost: EOF"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			gotest, exit := judge(died(tt.change))
			require.Equal(t, tt.want, exit.Outcome, exit.Reason)
			require.Equal(t, tt.reason, exit.Reason)
			require.Equal(t, report.Lost, gotest.Outcome, gotest.Reason)
			require.NotEmpty(t, gotest.Reason)
		})
	}
}

// TestNoBeacon: whatever happens before init answers is our fault.
func TestNoBeacon(t *testing.T) {
	tests := []struct {
		name   string
		change func(*verdict.Trace)
		reason string
	}{
		{"panic", says("Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)"),
			"kernel panic before init: kernel found nothing to run: Kernel panic - not syncing: VFS: Unable to mount root fs"},
		{"reboot loop", func(t *verdict.Trace) { t.Shutdown = "guest-reset" }, "and would do so for ever: run bpf-tour"},
		{"kernel image corrupt", func(t *verdict.Trace) {
			t.Console, t.Silence = nil, &verdict.Silence{Status: "running", CPUs: verdict.CPUsHalted}
		}, "its image may be damaged"},
		{"silent kernel that waits", func(t *verdict.Trace) {
			t.Console, t.Silence = nil, &verdict.Silence{Status: "running", CPUs: verdict.CPUsIdle}
		}, "init never answered"},
		{"QEMU refused to start", func(t *verdict.Trace) { t.QEMU.Code, t.Fault = 1, "start qemu: no such machine" }, "no such machine"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			trace := died(tt.change)
			trace.Hello, trace.Runs = nil, nil
			gotest, exit := judge(trace)
			require.Equal(t, report.Infra, gotest.Outcome)
			require.Equal(t, report.Infra, exit.Outcome)
			require.Contains(t, exit.Reason, tt.reason)
		})
	}
}

// TestFindings: what a test leaves and why it was killed are in the reason.
func TestFindings(t *testing.T) {
	oom := []wire.Kmsg{{Text: "Out of memory: Killed process 301 (fault)"}}
	tests := []struct {
		name   string
		exit   wire.Exit
		kmsg   []wire.Kmsg
		want   report.Outcome
		reason string
	}{
		{"left behind", wire.Exit{LeftBehind: []string{"mount /mnt (tmpfs)", "cgroup /a"}}, nil, report.Fail, "left behind: mount /mnt (tmpfs), cgroup /a"},
		{"both kinds", wire.Exit{Leftover: []string{"sleep[7]"}, LeftBehind: []string{"cgroup /a"}}, nil, report.Fail,
			"left processes behind: sleep[7]; left behind: cgroup /a"},
		{"own failure first", wire.Exit{Code: 1, LeftBehind: []string{"cgroup /a"}}, nil, report.Fail, "exit status 1; left behind: cgroup /a"},
		{"noise is no excuse", wire.Exit{Code: 3, LeftBehind: []string{"cgroup /a"}}, nil, report.Fail, "left behind: cgroup /a"},
		{"killed for memory", wire.Exit{Code: 137, Signal: 9}, oom, report.Fail, "killed by signal 9 (killed): Out of memory: Killed process 301 (fault)"},
		{"another was killed for memory", wire.Exit{Code: 1}, oom, report.Fail, "exit status 1"},
		{"clock of the guest jumped", wire.Exit{DurationNS: -1}, nil, report.Lost, "exit record is malformed: code 0, signal 0, -1 ns, 0 bytes of stdout, 0 of stderr"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			trace := green()
			trace.Runs[1].Exit, trace.Runs[1].Kmsg = &tt.exit, tt.kmsg
			_, exit := judge(trace)
			require.Equal(t, tt.want, exit.Outcome, exit.Reason)
			require.Equal(t, tt.reason, exit.Reason)
		})
	}
}
