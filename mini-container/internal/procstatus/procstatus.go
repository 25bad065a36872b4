// Package procstatus reads /proc/PID/status.
package procstatus

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Status is what the file says of a process, see proc_pid_status(5), as far as
// somebody here asks.
type Status struct {
	Name         string // of the first thread
	State        string // a letter
	Threads      int
	PIDs         []int     // from the reader's pid namespace inwards
	UIDs, GIDs   [4]uint32 // real, effective, saved, file system
	Groups       []uint32
	Capabilities map[string]uint64 // set -> mask
	NoNewPrivs   bool
	Seccomp      string // "disabled", "strict" or "filter"
	Filters      *int   // of seccomp; nil if this kernel does not count them
}

// Sets maps the fields of capabilities to the names of the sets.
var Sets = map[string]string{
	"CapInh": "inheritable", "CapPrm": "permitted", "CapEff": "effective", "CapBnd": "bounding", "CapAmb": "ambient",
}

var seccompModes = map[string]string{"0": "disabled", "1": "strict", "2": "filter"}

// errMissing is a field that every kernel from 5.10 on has, and this file has
// not: nothing may be reported from a guess.
var errMissing = errors.New("it is missing")

// Parse reads the text of the file.
func Parse(text string) (*Status, error) {
	s, fields := &Status{Capabilities: map[string]uint64{}, Groups: []uint32{}}, split(text)
	for _, f := range s.readers() {
		value, found := fields[f.name]
		err := errMissing
		if found {
			err = f.read(value)
		}
		if err != nil {
			return nil, fmt.Errorf("parse status: field %s: %w", f.name, err)
		}
	}
	if text, found := fields["Seccomp_filters"]; found {
		filters, err := strconv.Atoi(text)
		if err != nil || filters < 0 {
			return nil, fmt.Errorf("parse status: field Seccomp_filters: %q is no count", text)
		}
		s.Filters = &filters
	}
	return s, nil
}

// split cuts "Key:\tvalue" lines. The kernel escapes newlines in names.
func split(text string) map[string]string {
	found := map[string]string{}
	for line := range strings.Lines(text) {
		if key, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), ":"); ok {
			found[key] = strings.TrimPrefix(value, "\t")
		}
	}
	return found
}

type reader struct {
	name string
	read func(value string) error
}

// readers is all fields that there must be.
func (s *Status) readers() []reader {
	list := []reader{
		{"Name", func(v string) error { s.Name = v; return nil }},
		{"State", s.readState},
		{"Threads", func(v string) (err error) { s.Threads, err = strconv.Atoi(v); return err }},
		{"NSpid", s.readPIDs},
		{"Uid", func(v string) error { return readIDs(v, &s.UIDs) }},
		{"Gid", func(v string) error { return readIDs(v, &s.GIDs) }},
		{"Groups", s.readGroups},
		{"NoNewPrivs", func(v string) (err error) { s.NoNewPrivs, err = strconv.ParseBool(v); return err }},
		{"Seccomp", s.readSeccomp},
	}
	for field, set := range Sets {
		list = append(list, reader{field, func(v string) (err error) {
			s.Capabilities[set], err = strconv.ParseUint(v, 16, 64)
			return err
		}})
	}
	return list
}

// readState keeps the letter of "S (sleeping)".
func (s *Status) readState(value string) error {
	words := strings.Fields(value)
	if len(words) == 0 || len(words[0]) != 1 {
		return fmt.Errorf("%q begins with no letter", value)
	}
	s.State = words[0]
	return nil
}

func (s *Status) readPIDs(value string) error {
	for word := range strings.FieldsSeq(value) {
		pid, err := strconv.Atoi(word)
		if err != nil {
			return err
		}
		s.PIDs = append(s.PIDs, pid)
	}
	if len(s.PIDs) == 0 {
		return errMissing
	}
	return nil
}

func readIDs(value string, into *[4]uint32) error {
	ids, err := ParseIDs(value)
	if err != nil || len(ids) != len(into) {
		return fmt.Errorf("want %d ids, got %q", len(into), value)
	}
	copy(into[:], ids)
	return nil
}

func (s *Status) readGroups(value string) (err error) {
	s.Groups, err = ParseIDs(value)
	return err
}

// ParseIDs reads numbers of users or groups, with blanks between.
func ParseIDs(text string) ([]uint32, error) {
	ids := []uint32{}
	for word := range strings.FieldsSeq(text) {
		id, err := strconv.ParseUint(word, 10, 32)
		if err != nil {
			return nil, err
		}
		ids = append(ids, uint32(id))
	}
	return ids, nil
}

func (s *Status) readSeccomp(value string) error {
	if s.Seccomp = seccompModes[value]; s.Seccomp == "" {
		return fmt.Errorf("unknown mode %q", value)
	}
	return nil
}
