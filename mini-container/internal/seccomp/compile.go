package seccomp

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// MaxInstructions is how long the kernel lets a filter be (BPF_MAXINSNS).
const MaxInstructions = 4096

// skipNumber is what a tracer sets the number to so that there is no call.
// The filter is asked about it all the same.
const skipNumber = ^uint32(0)

// Compile makes a filter of an OCI profile for a machine (a GOARCH).
func Compile(profile *specs.LinuxSeccomp, goarch string) ([]Instruction, error) {
	c, err := newCompiler(profile, goarch)
	if err != nil {
		return nil, err
	}
	for _, rule := range profile.Syscalls {
		if err := c.addRule(rule); err != nil {
			return nil, err
		}
	}
	program := optimize(c.program())
	if len(program) > MaxInstructions {
		return nil, fmt.Errorf("seccomp profile makes a filter of %d instructions; the kernel takes %d", len(program), MaxInstructions)
	}
	return program, nil
}

// compiler collects the rules of each call, by ABI.
type compiler struct {
	table    map[string]numbers
	fallback uint32
	sections []section
}

// section is what one ABI may call.
type section struct {
	abi
	calls map[uint32]call
	last  int32 // highest number in the profile, -1 if it has none
}

func newCompiler(profile *specs.LinuxSeccomp, goarch string) (*compiler, error) {
	if profile.ListenerPath != "" || profile.ListenerMetadata != "" {
		return nil, errors.New("seccomp listener is not supported")
	}
	table, err := parsedTable()
	if err != nil {
		return nil, err
	}
	fallback, err := actionCode(profile.DefaultAction, profile.DefaultErrnoRet)
	if err != nil {
		return nil, err
	}
	abis, err := selectABIs(profile.Architectures, goarch)
	if err != nil {
		return nil, err
	}
	c := &compiler{table: table, fallback: fallback}
	for _, a := range abis {
		c.sections = append(c.sections, section{abi: a, calls: map[uint32]call{}, last: -1})
	}
	return c, nil
}

func (c *compiler) addRule(entry specs.LinuxSyscall) error {
	if len(entry.Names) == 0 {
		return errors.New("seccomp rule names no system call")
	}
	action, err := actionCode(entry.Action, entry.ErrnoRet)
	if err != nil {
		return err
	}
	rules, err := expand(entry.Args, action)
	if err != nil {
		return err
	}
	for _, name := range entry.Names {
		row, known := c.table[name]
		if !known && stricter(action, c.fallback) {
			return fmt.Errorf("unknown system call %q: its rule is stricter than the default and cannot be left out", name)
		}
		if !known {
			continue // without a number nobody can be let in
		}
		for i := range c.sections {
			c.sections[i].add(name, row, rules, c.fallback)
		}
	}
	return nil
}

// expand turns the conditions of one OCI entry into rules. All must hold;
// but if two are about the same argument, each stands for itself.
func expand(args []specs.LinuxSeccompArg, action uint32) ([]rule, error) {
	conditions := make([]condition, 0, len(args))
	seen, repeated := map[uint]bool{}, false
	for _, arg := range args {
		condition, err := newCondition(arg)
		if err != nil {
			return nil, err
		}
		repeated = repeated || seen[arg.Index]
		seen[arg.Index] = true
		conditions = append(conditions, condition)
	}
	if !repeated {
		return []rule{{simplify(conditions), action}}, nil
	}
	var rules []rule
	for _, condition := range conditions {
		rules = append(rules, rule{simplify(append(conditions[:0:0], condition)), action})
	}
	return rules, nil
}

// add books rules for a call. One that says what the default says only tells
// that the profile knows the call.
func (s *section) add(name string, row numbers, rules []rule, fallback uint32) {
	number := row[s.column]
	if number < armPrivate {
		s.last = max(s.last, number)
	}
	for _, r := range rules {
		if r.action == fallback {
			continue
		}
		if number >= 0 {
			s.calls[uint32(number)|s.bit] = s.calls[uint32(number)|s.bit].add(r)
		}
		if s.muxed {
			s.addMuxed(socketcallNumber, socketcalls()[name], r, fallback)
			s.addMuxed(ipcNumber, ipcCalls()[name], r, fallback)
		}
	}
}

// addMuxed also adds the rule for a call made through socketcall or ipc. The
// arguments lie behind a pointer there, out of sight.
func (s *section) addMuxed(number uint32, which uint64, r rule, fallback uint32) {
	if which == 0 || (len(r.conditions) > 0 && !stricter(r.action, fallback)) {
		return
	}
	through := condition{arg: 0, op: specs.OpEqualTo, value: which, mask: ^uint64(0)}
	s.calls[number] = s.calls[number].add(rule{[]condition{through}, r.action})
}

// program asks for the architecture first: numbers mean nothing without it.
// What belongs to none that the profile lets in kills the thread.
func (c *compiler) program() []Instruction {
	byToken := map[uint32][]section{}
	var tokens []uint32
	for _, s := range c.sections {
		if !slices.Contains(tokens, s.token) {
			tokens = append(tokens, s.token)
		}
		byToken[s.token] = append(byToken[s.token], s)
	}
	program := []Instruction{ret(retKillThread)}
	for _, token := range slices.Backward(tokens) {
		body := append([]Instruction{{Op: opLoad, K: offsetNumber}}, search(join(c.spans(byToken[token])))...)
		program = branch(opJeq, token, body, program)
	}
	return append([]Instruction{{Op: opLoad, K: offsetArch}}, program...)
}

// spans lays all numbers that may come in under one architecture out on a
// line, and asks at each place where the answer may change.
func (c *compiler) spans(sections []section) []span {
	places := map[uint32]bool{0: true, skipNumber: true, x32Bit: true}
	for _, s := range sections {
		places[s.bit|uint32(s.last+1)] = true
		for number := range s.calls {
			places[number], places[number+1] = true, true
		}
	}
	var spans []span
	for _, from := range slices.Sorted(maps.Keys(places)) {
		spans = append(spans, span{from, c.answer(sections, from)})
	}
	return spans
}

// answer is what happens to one number. Those of x32 lie in the upper part of
// those of x86-64.
func (c *compiler) answer(sections []section, number uint32) []Instruction {
	s := sections[0]
	if s.name == specs.ArchX86_64 && number >= x32Bit && number != skipNumber {
		if len(sections) == 1 {
			return []Instruction{ret(retKillThread)}
		}
		s = sections[1]
	}
	if call, found := s.calls[number]; found {
		return call.code(s.wide, c.fallback)
	}
	newer := s.last >= 0 && number&^s.bit > uint32(s.last) && number != skipNumber
	if newer && !permissive(c.fallback) {
		return []Instruction{ret(retErrno | errnoENOSYS)}
	}
	return []Instruction{ret(c.fallback)}
}
