package verdict

import (
	"bytes"
	"regexp"
	"slices"
	"strings"

	"namespaces-cgroups-ebpf/vmtest/internal/wire"
)

// stamped is a line that the kernel itself put on the console: what a program
// writes there has no time before it.
var stamped = regexp.MustCompile(`^\[ *\d+\.\d+\](?:\[[^\]]*\])? (.*)$`)

// kernelLines returns what the kernel said on a console, without the times.
func kernelLines(console []byte) []string {
	var lines []string
	for line := range bytes.Lines(console) {
		if m := stamped.FindSubmatch(bytes.TrimRight(line, "\r\n")); m != nil {
			lines = append(lines, string(m[1]))
		}
	}
	return lines
}

// saidOnConsole returns the first of the kernel's lines that begins so, or "".
func saidOnConsole(console []byte, prefix string) string {
	for _, line := range kernelLines(console) {
		if strings.HasPrefix(line, prefix) {
			return line
		}
	}
	return ""
}

// panicPrefix begins the line of panic() in kernel/panic.c.
const panicPrefix = "Kernel panic - not syncing: "

// panics names the panics that mean more than their words say.
var panics = []struct {
	form *regexp.Regexp
	what string
}{
	{regexp.MustCompile(`^Attempted to kill init!`), "guest init exited"},
	{regexp.MustCompile(`^(System is deadlocked on memory|Out of memory)`), "guest ran out of memory for init itself"},
	{regexp.MustCompile(`^(VFS: Unable to mount root|No working init found|Requested init )`), "kernel found nothing to run"},
	{regexp.MustCompile(`^(softlockup|hung_task|Hard LOCKUP|RCU Stall|Software Watchdog)`), "kernel gave up on a lockup"},
	{regexp.MustCompile(`^Fatal exception`), "kernel oops that ended the kernel"},
}

// panicLine returns the first panic on a console with its name, or "".
func panicLine(console []byte) string {
	line := saidOnConsole(console, panicPrefix)
	for _, p := range panics {
		if p.form.MatchString(strings.TrimPrefix(line, panicPrefix)) {
			return p.what + ": " + line
		}
	}
	return line
}

// conditions are what this trace's allowances depend on.
func (t Trace) conditions() Conditions {
	return Conditions{Release: t.Release, Emulated: t.Emulated, At: t.At}
}

// complaint returns the first complaint with its name, and the lines from it
// on.
func complaint(lines []wire.Kmsg, s *Splats, c Conditions) (text string, rest []wire.Kmsg) {
	what := ""
	i := slices.IndexFunc(lines, func(line wire.Kmsg) bool {
		what = s.Find(line, c)
		return what != ""
	})
	if i < 0 {
		return "", nil
	}
	return what + ": " + lines[i].Text, lines[i:]
}

// Complaints lists every line that would be a splat, with its name: for what a
// kernel says before the first test, which is charged to nobody.
func Complaints(lines []wire.Kmsg, c Conditions) []string {
	s, err := ShippedSplats()
	if err != nil {
		return []string{err.Error()}
	}
	var found []string
	for _, line := range lines {
		if what := s.Find(line, c); what != "" {
			found = append(found, what+": "+line.Text)
		}
	}
	return found
}

// oomForm matches the kernel's line for a process that it killed for memory.
var oomForm = regexp.MustCompile(`^(Memory cgroup out|Out) of memory: Killed process `)

// agentOOM matches the same line for the harness's own process in the guest.
var agentOOM = regexp.MustCompile(`^Out of memory: Killed process \d+ \(vmtest`)

// oomLine returns the first such line of a test's part of the log, or "".
func oomLine(lines []wire.Kmsg) string {
	for _, line := range lines {
		if line.Facility == 0 && oomForm.MatchString(line.Text) {
			return line.Text
		}
	}
	return ""
}
