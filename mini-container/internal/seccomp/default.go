package seccomp

import (
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// group is one entry of default.json.
type group struct {
	Purpose    string                   `json:"purpose"` // for readers
	Names      []string                 `json:"names"`
	Action     specs.LinuxSeccompAction `json:"action"` // "" is to allow
	ErrnoRet   *uint                    `json:"errnoRet"`
	Args       []specs.LinuxSeccompArg  `json:"args"`
	Except     *exception               `json:"except"`
	Capability string                   `json:"capability"` // only for who has it
}

// exception is an argument of type int that may have any value but these.
type exception struct {
	Index  uint     `json:"index"`
	Values []uint32 `json:"values"`
}

// Default is the profile for a container that does not bring one: a list of
// what programs need, EPERM for other known calls, ENOSYS for newer ones. What
// a capability is good for is let in only where it is given.
func Default(capabilities []string) *specs.LinuxSeccomp {
	denied := uint(errnoEPERM)
	profile := &specs.LinuxSeccomp{
		DefaultAction: specs.ActErrno, DefaultErrnoRet: &denied,
		Architectures: []specs.Arch{specs.ArchX86_64, specs.ArchX86, specs.ArchX32, specs.ArchAARCH64, specs.ArchARM},
	}
	// Those with a capability come first: of two rules without conditions
	// for one call the first stays, and clone3 is to be let in then.
	for _, needsCapability := range []bool{true, false} {
		for _, g := range defaultGroups {
			if (g.Capability != "") == needsCapability && (g.Capability == "" || slices.Contains(capabilities, g.Capability)) {
				profile.Syscalls = append(profile.Syscalls, g.rules()...)
			}
		}
	}
	return profile
}

func (g group) rules() []specs.LinuxSyscall {
	rule := specs.LinuxSyscall{Names: slices.Clone(g.Names), Action: g.Action, ErrnoRet: g.ErrnoRet, Args: g.Args}
	if rule.Action == "" {
		rule.Action = specs.ActAllow
	}
	if g.Except == nil {
		return []specs.LinuxSyscall{rule}
	}
	var rules []specs.LinuxSyscall
	for _, condition := range g.Except.conditions() {
		rule.Args = []specs.LinuxSeccompArg{condition}
		rules = append(rules, rule)
	}
	return rules
}

// conditions hold, one at least, for all values but the excepted ones. OCI's
// "not equal" would not do: it looks at 64 bits, the kernel at the lower 32 of
// an int, and a program may set the upper ones as it likes (CVE-2019-10063).
// So: one condition for each way to differ, in the lowest bits first.
func (e *exception) conditions() []specs.LinuxSeccompArg {
	var list []specs.LinuxSeccompArg
	prefixes := []uint32{0} // lower bits that an excepted value has
	for bit := range 32 {
		mask := uint32(1)<<bit<<1 - 1
		var longer []uint32
		for _, prefix := range prefixes {
			for _, candidate := range []uint32{prefix, prefix | 1<<bit} {
				if slices.ContainsFunc(e.Values, func(v uint32) bool { return v&mask == candidate }) {
					longer = append(longer, candidate)
					continue
				}
				list = append(list, specs.LinuxSeccompArg{
					Index: e.Index, Op: specs.OpMaskedEqual, Value: uint64(mask), ValueTwo: uint64(candidate),
				})
			}
		}
		prefixes = longer
	}
	return list
}
