package bpftour

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// ErrUnsupported marks errors that say that this machine cannot run the
// recipe: bpftrace missing or too old, no privilege, a probe that the kernel
// does not have.
var ErrUnsupported = errors.New("not supported on this machine")

// unsupportedError is an error with its own text that is an ErrUnsupported.
type unsupportedError struct{ text string }

func (e unsupportedError) Error() string        { return e.text }
func (e unsupportedError) Is(target error) bool { return target == ErrUnsupported }

func unsupported(format string, args ...any) error {
	return unsupportedError{fmt.Sprintf(format, args...)}
}

// machineFaults are what bpftrace 0.17-0.27 prints when the reason lies in
// the machine and not in the program.
var machineFaults = []string{
	"running as the root user", "Operation not permitted", "Permission denied", "must run as root",
	"Error attaching probe", "Unable to attach", "tracepoint not found", "not traceable",
	"Could not read symbols", "kernel lockdown",
}

// bpftraceError turns a failed bpftrace into an error that keeps what it said.
func bpftraceError(what, stderr string) error {
	said := strings.TrimSpace(stderr)
	if said == "" {
		said = "(it said nothing)"
	}
	text := fmt.Sprintf("%s: %s", what, strings.ReplaceAll(said, "\n", "\n\t"))
	for _, fault := range machineFaults {
		if strings.Contains(said, fault) {
			return unsupported("%s", text)
		}
	}
	return errors.New(text)
}

var ansiRE = regexp.MustCompile("\x1b\\[[0-9;]*m")

// stripANSI removes the colours that bpftrace prints even into a pipe.
func stripANSI(s string) string { return ansiRE.ReplaceAllString(s, "") }
