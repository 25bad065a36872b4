package minicontainer

import (
	"fmt"
	"strconv"
	"strings"
)

// procStatus is the part of /proc/PID/status that says what a process may do.
type procStatus struct {
	capabilities map[string]uint64 // set -> mask
	noNewPrivs   bool
	seccomp      string
}

var capabilityFields = map[string]string{
	"CapInh": "inheritable", "CapPrm": "permitted", "CapEff": "effective", "CapBnd": "bounding", "CapAmb": "ambient",
}

var seccompModes = map[string]string{"0": "disabled", "1": "strict", "2": "filter"}

// parseStatus reads /proc/PID/status, see proc_pid_status(5). A missing field
// is an error: nothing here may be reported from a guess.
func parseStatus(text string) (procStatus, error) {
	status := procStatus{capabilities: map[string]uint64{}}
	seen := 0
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		used, err := status.take(key, strings.TrimSpace(value))
		if err != nil {
			return procStatus{}, fmt.Errorf("parse status line %q: %w", strings.TrimSpace(line), err)
		}
		if used {
			seen++
		}
	}
	if want := len(capabilityFields) + 2; seen != want {
		return procStatus{}, fmt.Errorf("parse status: %d of %d fields found", seen, want)
	}
	return status, nil
}

func (s *procStatus) take(key, value string) (used bool, err error) {
	if set, ok := capabilityFields[key]; ok {
		s.capabilities[set], err = strconv.ParseUint(value, 16, 64)
		return true, err
	}
	switch key {
	case "NoNewPrivs":
		s.noNewPrivs, err = strconv.ParseBool(value)
		return true, err
	case "Seccomp":
		if s.seccomp = seccompModes[value]; s.seccomp == "" {
			return true, fmt.Errorf("unknown mode %q", value)
		}
		return true, nil
	}
	return false, nil
}
