package connsnoop

import (
	"strings"

	"namespaces-cgroups-ebpf/internal/kernel"
)

// lazy is the first kernel that by default lets another task in while a
// program runs, if it is built so that this can be chosen.
var lazy = kernel.Version{Major: 6, Minor: 13}

// preempts says whether the kernel may let another task in while a program of
// ours runs. What the kernel says itself, only root can read.
func (m machine) preempts() bool {
	switch mode := bracketed(m.read("sys/kernel/debug/sched/preempt"), "(", ")"); mode {
	case "none", "voluntary":
		return false
	case "":
		return m.mayPreempt()
	}
	return true
}

// mayPreempt concludes it from how the kernel was built and booted.
func (m machine) mayPreempt() bool {
	build := m.read("proc/version")
	if !strings.Contains(build, " PREEMPT") {
		return false
	}
	if !strings.Contains(build, " PREEMPT_DYNAMIC") {
		return true
	}
	mode := ""
	for word := range strings.FieldsSeq(m.read("proc/cmdline")) {
		if value, ok := strings.CutPrefix(word, "preempt="); ok {
			mode = value
		}
	}
	switch mode {
	case "none", "voluntary":
		return false
	case "full", "lazy":
		return true
	}
	version, err := m.version()
	return err != nil || version.AtLeast(lazy)
}

// bracketed is the word of text that is between brackets, as the kernel shows
// what is chosen of several.
func bracketed(text, before, after string) string {
	_, rest, _ := strings.Cut(text, before)
	word, _, _ := strings.Cut(rest, after)
	return word
}
