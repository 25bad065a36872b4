package verdict

import (
	"bytes"
	"regexp"

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
// the same words.
//
// Not here on purpose: RCU stalls, soft lockups and clocksource watchdogs.
// Under emulation on a busy host they mean a slow host.
var splatForms = []*regexp.Regexp{
	regexp.MustCompile(`^BUG: `),                                   // mm/, lib/: KASAN, NULL dereference, scheduling while atomic
	regexp.MustCompile(`^kernel BUG at `),                          // BUG()
	regexp.MustCompile(`^WARNING: (CPU: \d+ PID: \d+ at |.* at )`), // WARN(), kernel/panic.c
	regexp.MustCompile(`^WARNING: .*(locking|lock).*detected`),     // lockdep
	regexp.MustCompile(`^Oops: `),                                  // die()
	regexp.MustCompile(`^general protection fault`),                // arch/x86/kernel/traps.c
	regexp.MustCompile(`^UBSAN: `),                                 // lib/ubsan.c
	regexp.MustCompile(`^INFO: task .* blocked for more than`),     // kernel/hung_task.c
	regexp.MustCompile(`^unregister_netdevice: waiting for `),      // net/core/dev.c: a leaked reference
}

// splatLine returns the first line by which the kernel itself complained. A
// program can write to /dev/kmsg too, but not with facility 0.
func splatLine(lines []wire.Kmsg) string {
	for _, line := range lines {
		if line.Facility != 0 {
			continue
		}
		for _, form := range splatForms {
			if form.MatchString(line.Text) {
				return line.Text
			}
		}
	}
	return ""
}
