package inspect

import (
	"fmt"
	"strconv"
	"strings"
)

// CapabilitySets maps the fields of /proc/PID/status to the names of the sets.
var CapabilitySets = map[string]string{
	"CapInh": "inheritable", "CapPrm": "permitted", "CapEff": "effective", "CapBnd": "bounding", "CapAmb": "ambient",
}

var seccompModes = map[string]string{"0": "disabled", "1": "strict", "2": "filter"}

// fields splits a file of "Key:\tvalue" lines.
func fields(text string) map[string]string {
	found := map[string]string{}
	for line := range strings.Lines(text) {
		if key, value, ok := strings.Cut(line, ":"); ok {
			found[key] = strings.TrimSpace(value)
		}
	}
	return found
}

// parseStatus fills in what /proc/PID/status says, see proc_pid_status(5). A
// field that every kernel from 5.10 on has and that is not there is an error.
func (r *Report) parseStatus(text string) error {
	status := fields(text)
	for _, read := range []func(map[string]string) error{r.parseNumbers, r.parseCredentials, r.parsePrivileges} {
		if err := read(status); err != nil {
			return fmt.Errorf("parse status: %w", err)
		}
	}
	r.Name = status["Name"]
	return nil
}

func (r *Report) parseNumbers(status map[string]string) error {
	threads, err := strconv.Atoi(status["Threads"])
	if err != nil {
		return fmt.Errorf("field Threads: %w", err)
	}
	r.Threads = threads
	for _, text := range strings.Fields(status["NSpid"]) {
		pid, err := strconv.Atoi(text)
		if err != nil {
			return fmt.Errorf("field NSpid: %w", err)
		}
		r.PIDs = append(r.PIDs, pid)
	}
	if len(r.PIDs) == 0 {
		return fmt.Errorf("field NSpid is missing")
	}
	return nil
}

func (r *Report) parseCredentials(status map[string]string) error {
	for field, into := range map[string]*IDs{"Uid": &r.UIDs, "Gid": &r.GIDs} {
		ids, err := parseIDs(status[field])
		if err != nil || len(ids) != 4 {
			return fmt.Errorf("field %s: want 4 ids, got %q", field, status[field])
		}
		*into = IDs{Real: ids[0], Effective: ids[1], Saved: ids[2], Filesystem: ids[3]}
	}
	groups, err := parseIDs(status["Groups"])
	if err != nil {
		return fmt.Errorf("field Groups: %w", err)
	}
	r.Groups = groups
	return nil
}

func parseIDs(text string) ([]uint32, error) {
	ids := []uint32{}
	for _, field := range strings.Fields(text) {
		id, err := strconv.ParseUint(field, 10, 32)
		if err != nil {
			return nil, err
		}
		ids = append(ids, uint32(id))
	}
	return ids, nil
}

func (r *Report) parsePrivileges(status map[string]string) (err error) {
	r.Capabilities = map[string][]string{}
	for field, set := range CapabilitySets {
		mask, err := strconv.ParseUint(status[field], 16, 64)
		if err != nil {
			return fmt.Errorf("field %s: %w", field, err)
		}
		r.Capabilities[set] = capabilityNames(mask)
	}
	if r.NoNewPrivs, err = strconv.ParseBool(status["NoNewPrivs"]); err != nil {
		return fmt.Errorf("field NoNewPrivs: %w", err)
	}
	if r.Seccomp.Mode = seccompModes[status["Seccomp"]]; r.Seccomp.Mode == "" {
		return fmt.Errorf("field Seccomp: unknown mode %q", status["Seccomp"])
	}
	text, found := status["Seccomp_filters"]
	if !found {
		r.unknown("seccomp.filters_count", "this kernel does not count filters")
		return nil
	}
	filters, err := strconv.Atoi(text)
	if err != nil || filters < 0 {
		return fmt.Errorf("field Seccomp_filters: %q is no count", text)
	}
	r.Seccomp.Filters = &filters
	return nil
}

func (r *Report) unknown(field, reason string) {
	r.Unknown = append(r.Unknown, Unknown{Field: field, Reason: reason})
}
