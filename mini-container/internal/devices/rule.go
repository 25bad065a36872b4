package devices

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// Rule lets containers use devices, or not. It matches what has the type and
// both numbers.
type Rule struct {
	Allow  bool
	Type   Type
	Major  int64 // Any or a number
	Minor  int64 // Any or a number
	Access Access
}

// Any is every number.
const Any = -1

// Type is a kind of device, as the kernel numbers it for BPF.
type Type uint32

// The types of bpf_cgroup_dev_ctx, and both.
const (
	Both  Type = 0
	Block Type = 1
	Char  Type = 2
)

// Access is a set of permissions, as the kernel numbers them for BPF.
type Access uint32

// The permissions of bpf_cgroup_dev_ctx.
const (
	Make  Access = 1
	Read  Access = 2
	Write Access = 4
	All          = Make | Read | Write
)

// The kernel keeps 12 bits of a major and 20 of a minor number (MINORBITS).
const (
	maxMajor = 1<<12 - 1
	maxMinor = 1<<20 - 1
)

// maxRules bounds what a configuration can make the verifier read.
const maxRules = 1000

// FromOCI reads the rules of a configuration and adds Defaults. An error names
// the first rule that is wrong.
func FromOCI(list []specs.LinuxDeviceCgroup) ([]Rule, error) {
	if len(list) > maxRules {
		return nil, fmt.Errorf("%d device rules are more than %d", len(list), maxRules)
	}
	rules := make([]Rule, 0, len(list)+len(Defaults()))
	for i, d := range list {
		rule, err := fromOCI(d)
		if err != nil {
			return nil, fmt.Errorf("device rule %d: %w", i+1, err)
		}
		rules = append(rules, rule)
	}
	return append(rules, Defaults()...), nil
}

func fromOCI(d specs.LinuxDeviceCgroup) (r Rule, err error) {
	r.Allow = d.Allow
	if r.Type, err = typeOf(d.Type); err != nil {
		return r, err
	}
	if r.Access, err = accessOf(d.Access); err != nil {
		return r, err
	}
	if r.Major, err = number("major", d.Major, maxMajor); err != nil {
		return r, err
	}
	r.Minor, err = number("minor", d.Minor, maxMinor)
	return r, err
}

func typeOf(text string) (Type, error) {
	switch text {
	case "", "a":
		return Both, nil
	case "b":
		return Block, nil
	case "c", "u":
		return Char, nil
	}
	return 0, fmt.Errorf("type %q is none of a, b, c", text)
}

func accessOf(text string) (Access, error) {
	letters := map[rune]Access{'r': Read, 'w': Write, 'm': Make}
	var access Access
	for _, letter := range text {
		if letters[letter] == 0 {
			return 0, fmt.Errorf("access %q holds %q, which is none of r, w, m", text, letter)
		}
		access |= letters[letter]
	}
	if access == 0 {
		return 0, errors.New("access is empty: want some of r, w, m")
	}
	return access, nil
}

func number(what string, n *int64, largest int64) (int64, error) {
	switch {
	case n == nil || *n == Any:
		return Any, nil
	case *n < 0 || *n > largest:
		return 0, fmt.Errorf("%s number %d is not in 0..%d", what, *n, largest)
	}
	return *n, nil
}

// Parse reads a rule such as "allow c 10:232 rw", "deny b *:* m" or, allow
// being meant, "c 10:232 rw".
func Parse(text string) (specs.LinuxDeviceCgroup, error) {
	rule := specs.LinuxDeviceCgroup{Allow: true}
	fields := strings.Fields(text)
	if len(fields) > 0 && (fields[0] == "allow" || fields[0] == "deny") {
		rule.Allow, fields = fields[0] == "allow", fields[1:]
	}
	const want = "want [allow|deny] TYPE MAJOR:MINOR ACCESS, such as 'c 10:232 rw' or 'deny a *:* w'"
	if len(fields) != 3 {
		return rule, fmt.Errorf("device rule %q: %s", text, want)
	}
	major, minor, found := strings.Cut(fields[1], ":")
	if !found {
		return rule, fmt.Errorf("device rule %q: %s", text, want)
	}
	rule.Type, rule.Access = fields[0], fields[2]
	for _, n := range []struct {
		text string
		into **int64
	}{{major, &rule.Major}, {minor, &rule.Minor}} {
		if n.text == "*" {
			continue
		}
		value, err := strconv.ParseUint(n.text, 10, 32)
		if err != nil {
			return rule, fmt.Errorf("device rule %q: %q is neither a number nor *", text, n.text)
		}
		signed := int64(value)
		*n.into = &signed
	}
	if _, err := fromOCI(rule); err != nil {
		return rule, fmt.Errorf("device rule %q: %w", text, err)
	}
	return rule, nil
}
