package verdict

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"namespaces-cgroups-ebpf/internal/kernel"
	"namespaces-cgroups-ebpf/schemas"
	"namespaces-cgroups-ebpf/vmtest/internal/wire"
)

// SplatSchema is the name of the schema of the lists.
const SplatSchema = "splat-list/v1"

//go:embed splats.json
var shippedSplats []byte

// Splats are the two lists that tell a complaint of the kernel from the many
// lines of a healthy one that contain the same words. All patterns are
// anchored: a fault of a program reads "traps: NAME[PID] general ...".
type Splats struct {
	deny  []Denial
	allow []Allowance
}

// Denial is a kind of complaint.
type Denial struct {
	Name     string   `json:"name"`
	What     string   `json:"what"` // for people
	Pattern  string   `json:"pattern"`
	Reason   string   `json:"reason"` // where in the kernel it comes from
	Examples []string `json:"examples"`

	form *regexp.Regexp
}

// Allowance is an exception, for a reason and for a time.
type Allowance struct {
	Name     string   `json:"name"`
	Pattern  string   `json:"pattern"`
	Reason   string   `json:"reason"`
	Link     string   `json:"link"`
	Expires  string   `json:"expires"` // its last day, in UTC
	Kernels  []string `json:"kernels"`
	Emulated bool     `json:"emulated"` // holds only for emulated CPUs
	Examples []string `json:"examples"`

	form *regexp.Regexp
	end  time.Time
}

// Conditions are what an allowance may depend on. The zero time is after the
// end of every allowance: who does not know the time allows nothing.
type Conditions struct {
	Release  string
	Emulated bool
	At       time.Time
}

// ShippedSplats are the lists that this program holds. A list that cannot be
// read is an error, never an empty list.
var ShippedSplats = sync.OnceValues(func() (*Splats, error) { return ParseSplats(shippedSplats) })

// ParseSplats reads and checks the lists.
func ParseSplats(data []byte) (*Splats, error) {
	var wrong []error
	for _, p := range schemas.Validate(SplatSchema, data) {
		wrong = append(wrong, fmt.Errorf("splat lists: %v", p))
	}
	if wrong != nil {
		return nil, errors.Join(wrong...)
	}
	var file struct {
		Deny  []Denial    `json:"deny"`
		Allow []Allowance `json:"allow"`
	}
	if err := json.Unmarshal(data, &file); err != nil {
		return nil, fmt.Errorf("splat lists: %w", err)
	}
	s := &Splats{deny: file.Deny, allow: file.Allow}
	if err := s.compile(); err != nil {
		return nil, fmt.Errorf("splat lists: %w", err)
	}
	return s, nil
}

// compile makes the patterns, and holds each to its own examples.
func (s *Splats) compile() error {
	names := map[string]bool{}
	for i := range s.deny {
		d := &s.deny[i]
		form, err := compileEntry(names, d.Name, d.Pattern, d.Examples)
		if err != nil {
			return err
		}
		d.form = form
	}
	for i := range s.allow {
		a := &s.allow[i]
		form, err := compileEntry(names, a.Name, a.Pattern, a.Examples)
		if err != nil {
			return err
		}
		last, err := time.Parse(time.DateOnly, a.Expires)
		if err != nil {
			return fmt.Errorf("%s: %w", a.Name, err)
		}
		a.form, a.end = form, last.AddDate(0, 0, 1)
	}
	return nil
}

func compileEntry(names map[string]bool, name, pattern string, examples []string) (*regexp.Regexp, error) {
	if names[name] {
		return nil, fmt.Errorf("%s is there twice", name)
	}
	names[name] = true
	form, err := regexp.Compile(pattern)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if form.MatchString("") {
		return nil, fmt.Errorf("%s: %q matches every line", name, pattern)
	}
	for _, line := range examples {
		if !form.MatchString(line) {
			return nil, fmt.Errorf("%s: %q does not match its example %q", name, pattern, line)
		}
	}
	return form, nil
}

// Find returns what a line of the kernel log says has happened, or "" for a
// healthy line. A program can write to /dev/kmsg too, but not as facility 0.
func (s *Splats) Find(line wire.Kmsg, c Conditions) string {
	if line.Facility != 0 {
		return ""
	}
	i := slices.IndexFunc(s.deny, func(d Denial) bool { return d.form.MatchString(line.Text) })
	if i < 0 {
		return ""
	}
	expired := ""
	for _, a := range s.allow {
		if !a.form.MatchString(line.Text) || !a.applies(c) {
			continue
		}
		if c.At.Before(a.end) && !c.At.IsZero() {
			return ""
		}
		expired = fmt.Sprintf(" (exception %s expired on %s)", a.Name, a.Expires)
	}
	return s.deny[i].What + expired
}

func (a Allowance) applies(c Conditions) bool {
	if a.Emulated && !c.Emulated {
		return false
	}
	if len(a.Kernels) == 0 {
		return true
	}
	version, err := kernel.Parse(c.Release)
	if err != nil {
		return false
	}
	series := version.Series()
	major, _, _ := strings.Cut(series, ".")
	return slices.Contains(a.Kernels, series) || slices.Contains(a.Kernels, major)
}

// Expiring lists the allowances that no longer hold at a time.
func (s *Splats) Expiring(at time.Time) []Allowance {
	var list []Allowance
	for _, a := range s.allow {
		if !at.Before(a.end) {
			list = append(list, a)
		}
	}
	return list
}
