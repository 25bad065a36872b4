package verdict_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/internal/report"
	"namespaces-cgroups-ebpf/vmtest/internal/plan"
	"namespaces-cgroups-ebpf/vmtest/internal/verdict"
	"namespaces-cgroups-ebpf/vmtest/internal/wire"
)

func TestSplats(t *testing.T) {
	for _, line := range []string{
		"BUG: KASAN: slab-out-of-bounds in bpf_prog_run+0x12/0x40",
		"BUG: kernel NULL pointer dereference, address: 0000000000000008",
		"BUG: unable to handle page fault for address: ffffffffc0000000",
		"BUG: scheduling while atomic: swapper/0/0/0x00000100",
		"BUG kmalloc-64 (Not tainted): Right Redzone overwritten",
		"kernel BUG at mm/slub.c:448!",
		"WARNING: CPU: 1 PID: 301 at kernel/cgroup/cgroup.c:5200 cgroup_destroy+0x1/0x2",
		"WARNING: kernel/bpf/verifier.c:1234 at check_map_access+0x1/0x2, CPU#0: test/99",
		"WARNING: possible circular locking dependency detected",
		"WARNING: possible recursive locking detected",
		"WARNING: suspicious RCU usage",
		"Oops: 0002 [#1] PREEMPT SMP NOPTI",
		"Oops: general protection fault, probably for non-canonical address 0xdead: 0000 [#1]",
		"invalid opcode: 0000 [#1] SMP NOPTI",
		"divide error: 0000 [#1] PREEMPT SMP",
		"general protection fault, probably for non-canonical address 0xdead000000000100: 0000 [#1]",
		"UBSAN: array-index-out-of-bounds in net/core/filter.c:12:3",
		"INFO: task umount:412 blocked for more than 120 seconds.",
		"unregister_netdevice: waiting for veth0 to become free. Usage count = 2",
	} {
		require.True(t, verdict.IsSplat(wire.Kmsg{Text: line}, false), line)
		require.False(t, verdict.IsSplat(wire.Kmsg{Text: line, Facility: 1}, false), "from user space: %s", line)
	}
}

// TestNoSplats: lines of healthy boots that contain alarming words, what a
// slow host causes, and faults of programs.
func TestNoSplats(t *testing.T) {
	healthy, err := os.ReadFile("testdata/healthy-6.12.txt")
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSpace(string(healthy)), "\n")
	require.Greater(t, len(lines), 10)
	for _, line := range append(lines,
		"rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:",
		"watchdog: BUG: soft lockup - CPU#1 stuck for 26s! [test:99]",
		"BUG: workqueue lockup - pool cpus=1 node=0 flags=0x0 nice=0 stuck for 37s!",
		"traps: test[301] general protection fault ip:401000 sp:7ffd error:0 in test[401000+1000]",
		"test[301]: segfault at 0 ip 0000000000401000 sp 00007ffd error 4 in test[401000+1000]",
		"Memory cgroup out of memory: Killed process 301 (test) total-vm:1000kB",
		"Out of memory: Killed process 12 (stress-ng)",
		"oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null)",
		"Warning: unable to open an initial console.",
		"cgroup: fork rejected by pids controller in /a",
		"said: BUG: not really",
		"PCI: if necessary, use \"pci=nocrs\" and report a bug",
	) {
		require.False(t, verdict.IsSplat(wire.Kmsg{Text: line}, true), line)
	}
}

// A CPU that stands still is the host's fault only where the CPU is played.
func TestStalls(t *testing.T) {
	for _, line := range []string{
		"rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:",
		"rcu: INFO: rcu_sched self-detected stall on CPU",
		"watchdog: BUG: soft lockup - CPU#1 stuck for 26s! [test:99]",
		"watchdog: Watchdog detected hard LOCKUP on cpu 1",
		"BUG: workqueue lockup - pool cpus=1 node=0 flags=0x0 nice=0 stuck for 37s!",
	} {
		require.True(t, verdict.IsSplat(wire.Kmsg{Text: line}, false), line)
		require.False(t, verdict.IsSplat(wire.Kmsg{Text: line}, true), line)
	}
}

// The first splat is the reason, and what user space wrote is none.
func TestSplatIsChargedToItsTest(t *testing.T) {
	trace := green()
	trace.Runs[1].Kmsg = []wire.Kmsg{{Text: "BUG: forged", Facility: 1}}
	_, exit := judge(trace)
	require.Equal(t, report.Pass, exit.Outcome, exit.Reason)
	trace.Runs[1].Kmsg = append(trace.Runs[1].Kmsg, wire.Kmsg{Text: "UBSAN: first"}, wire.Kmsg{Text: "BUG: second"})
	gotest, exit := judge(trace)
	require.Equal(t, report.Pass, gotest.Outcome)
	require.Equal(t, report.Splat, exit.Outcome)
	require.Equal(t, "UBSAN: first", exit.Reason)
}

// TestRecorded judges a trace of a real VM on 6.12 that was lost under a later
// test: the test that had passed before is taken back.
func TestRecorded(t *testing.T) {
	data, err := os.ReadFile("testdata/lost-6.12.json")
	require.NoError(t, err)
	var trace verdict.Trace
	require.NoError(t, json.Unmarshal(data, &trace))
	e := plan.Entry{
		Deliverable: "bpf-tour", ID: "opensnoop", Result: plan.ResultGoTest,
		Artifacts: []plan.Artifact{{Path: "opensnoop.json", Schema: "recipe-result/v1"}},
	}
	require.Equal(t, report.Pass, verdict.Preview(e, trace).Outcome)
	got := verdict.Judge([]plan.Entry{e}, trace)[0]
	require.Equal(t, report.Lost, got.Outcome)
	require.Equal(t, "no done frame: run connsnoop.test: guest lost: EOF", got.Reason)
	trace.Fault, trace.Shutdown, trace.Done = "", "guest-shutdown", &wire.Done{Runs: 1}
	require.Equal(t, report.Pass, verdict.Judge([]plan.Entry{e}, trace)[0].Outcome)
}
