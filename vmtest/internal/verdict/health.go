package verdict

import (
	"bytes"
	"regexp"
	"slices"

	"namespaces-cgroups-ebpf/vmtest/internal/wire"
)

// panicForm is the line of panic() in kernel/panic.c, as the console shows it.
var panicForm = regexp.MustCompile(`^\[ *\d+\.\d+\](?:\[[^\]]*\])? (Kernel panic - not syncing: .*)$`)

// panicLine returns the first panic on a console, or "". Only a line that the
// kernel itself stamped counts.
func panicLine(console []byte) string {
	for line := range bytes.Lines(console) {
		if m := panicForm.FindSubmatch(bytes.TrimRight(line, "\r\n")); m != nil {
			return string(m[1])
		}
	}
	return ""
}

// splatForms match the first line of each kind of kernel complaint; the source
// of each is named. All are anchored: a healthy boot prints lines that contain
// the same words, and a fault of a program reads "traps: NAME[PID] general ...".
var splatForms = []*regexp.Regexp{
	regexp.MustCompile(`^BUG: `),                                   // mm/, lib/: KASAN, NULL dereference, scheduling while atomic
	regexp.MustCompile(`^BUG \S+ \(`),                              // mm/slub.c
	regexp.MustCompile(`^kernel BUG at `),                          // BUG()
	regexp.MustCompile(`^WARNING: (CPU: \d+ PID: \d+ at |.* at )`), // WARN(), kernel/panic.c
	regexp.MustCompile(`^WARNING: .*(locking|lock).*detected`),     // lockdep
	regexp.MustCompile(`^WARNING: suspicious RCU usage`),           // lockdep
	regexp.MustCompile(`^Oops: `),                                  // die()
	regexp.MustCompile(`^[\w ,:-]+: [0-9a-f]{4} \[#\d+\]`),         // die() before 6.9: "invalid opcode: 0000 [#1] SMP"
	regexp.MustCompile(`^general protection fault`),                // arch/x86/kernel/traps.c
	regexp.MustCompile(`^Internal error: `),                        // arch/arm64/kernel/traps.c
	regexp.MustCompile(`^UBSAN: `),                                 // lib/ubsan.c
	regexp.MustCompile(`^INFO: task .* blocked for more than`),     // kernel/hung_task.c
	regexp.MustCompile(`^unregister_netdevice: waiting for `),      // net/core/dev.c: a leaked reference
}

// stallForms match a CPU that made no progress. Under emulation that is a slow
// host, since its CPUs stand still for seconds; on real CPUs it is a splat.
var stallForms = []*regexp.Regexp{
	regexp.MustCompile(`^(watchdog: )?BUG: (soft|workqueue) lockup`),             // kernel/watchdog.c, kernel/workqueue.c
	regexp.MustCompile(`^watchdog: Watchdog detected hard LOCKUP`),               // kernel/watchdog.c
	regexp.MustCompile(`^(rcu: )?INFO: \S+ (self-)?detected (expedited )?stall`), // kernel/rcu/tree_stall.h
}

// IsSplat tells whether the kernel itself complained with this line. A program
// can write to /dev/kmsg too, but not with facility 0.
func IsSplat(line wire.Kmsg, emulated bool) bool {
	matches := func(form *regexp.Regexp) bool { return form.MatchString(line.Text) }
	switch {
	case line.Facility != 0:
		return false
	case slices.ContainsFunc(stallForms, matches):
		return !emulated
	}
	return slices.ContainsFunc(splatForms, matches)
}

func splatLine(lines []wire.Kmsg, emulated bool) string {
	i := slices.IndexFunc(lines, func(line wire.Kmsg) bool { return IsSplat(line, emulated) })
	if i < 0 {
		return ""
	}
	return lines[i].Text
}
