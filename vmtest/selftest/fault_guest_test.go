//go:build selftest && linux

package selftest

import (
	"flag"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// gone ends the reason of a guest that was lost under its test.
const gone = `, while the test ran.*`

// guestFaults are faults that a test in the guest can cause.
var guestFaults = []fault{
	{name: "nothing", want: "pass"},
	{name: "panic", want: "panic", reason: `Kernel panic - not syncing: sysrq triggered crash`},
	{name: "end-init", want: "panic", reason: `guest init exited: Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000700`},
	{name: "oops", want: "splat", reason: `kernel oops: BUG: kernel NULL pointer dereference, address: 0000000000000000`},
	{name: "warn", want: "splat", reason: `kernel WARN: WARNING: .* veth_init\S* \[veth\].*`},
	{name: "bug", want: "splat", reason: `kernel BUG: kernel BUG at \S+:\d+!`},
	{name: "rcu-stall", want: "splat", reason: `RCU stall: rcu: INFO: rcu_\w+ (self-)?detected (expedited )?stall.*`, excused: true},
	{name: "hung-task", want: "splat", reason: `hung task: INFO: task faults?:\d+ blocked for more than \d+ seconds\.`},
	{name: "poweroff", want: "lost", reason: `guest powered off` + gone},
	{name: "sysrq-o", want: "lost", reason: `guest powered off` + gone},
	{name: "reboot", want: "lost", reason: `guest rebooted: reboot: Restarting system` + gone},
	{name: "sysrq-b", want: "lost", reason: `guest rebooted: sysrq: Resetting` + gone},
	{name: "triple-fault", want: "lost", reason: `guest reset itself without a word: a triple fault or a hard reset` + gone},
	{name: "halt", want: "lost", reason: `guest halted: reboot: System halted` + gone},
	{name: "real-time", want: "timeout", reason: `guest hung: silent for \S+, CPUs spinning \(CPU 0 runs in a program at .*, CPU 1 runs in a program at .*\)` + gone},
	{name: "sleep", timeout: 5 * time.Second, want: "timeout", reason: `still running after \S+`},
	{name: "memory", want: "fail", reason: `killed by signal 9 \(killed\): Out of memory: Killed process \d+ \(faults\).*`},
	{name: "clock", want: "pass"},
	{name: "flood", want: "fail", reason: `output over the limit: 1073741824 bytes of stdout, 0 of stderr`},
	{name: "flood-kmsg", want: "lost", reason: `\d+ lines of the kernel log were lost`},
	{name: "noise", want: "pass"},
	{name: "say-panic", want: "pass"},
	{name: "forge-garbage", want: "lost", reason: `result channel cannot be trusted: .*frame corrupt.*` + gone},
	{name: "forge-done", want: "lost", reason: `result channel cannot be trusted: .*frame out of sequence: reordered.*` + gone},
	{name: "forge-truncated", want: "lost", reason: `result channel cannot be trusted: .*(frame corrupt|frame payload too large).*` + gone},
	{name: "forge-as-nobody", nobody: true, want: "pass"},
	{name: "fill-disk", artifact: true, want: "fail", reason: `exit status 1`},
	{name: "artifact-link", artifact: true, want: "fail", reason: `artifact out\.json is missing`},
	{name: "artifact-fifo", artifact: true, want: "fail", reason: `artifact out\.json is missing`},
	{name: "artifact-sparse", artifact: true, want: "fail", reason: `artifacts cannot be taken: .*`},
	{name: "artifact-noise", artifact: true, want: "fail", reason: `artifact out\.json is not valid doctor/v1: .*`},
	{name: "module-missing", modules: []string{"no_such_module"}, want: "infra", reason: `not started: load modules no_such_module: .*not found.*`},
	{name: "leave-process", want: "fail", reason: `left processes behind: sleep`},
	{name: "leave-mount", want: "fail", reason: `left behind: mount /tmp/left \(tmpfs\)`},
	{name: "leave-cgroup", want: "fail", reason: `left behind: cgroup /left`},
}

var only = flag.String("faults", "", "regular expression: run only these faults in the guest")

// TestFaultsInTheGuest runs each of them in a VM, and looks at the report. All
// of them are seen, each by its name, and none stops the others.
func TestFaultsInTheGuest(t *testing.T) {
	faults := slices.DeleteFunc(slices.Clone(guestFaults), func(f fault) bool { return !regexp.MustCompile(*only).MatchString(f.name) })
	r := newFaultRun(t, lastSeries(), faultRepo(t, faults...))
	code := r.code(t, r.cmd.Run())
	t.Log(r.said.String())
	require.NotZero(t, code)
	rep := r.report(t)
	r.check(t, rep, faults...)
	r.nothingLeft(t)
	for _, result := range rep.Results {
		// Neither the guest's clock nor what it says makes a time.
		require.Less(t, result.DurationNS, rep.Run.DurationNS)
		require.GreaterOrEqual(t, result.DurationNS, int64(0))
	}
}
