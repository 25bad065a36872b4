package connsnoop

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"github.com/cilium/ebpf/link"
)

// hook is a program of bpf/connsnoop.bpf.c and where it goes.
type hook struct {
	program string
	target  string // kernel function or tracepoint
	attach  func(*ebpf.Program, string) (link.Link, error)
	again   string // program for when the first does not run; see TWICE there
	times   int    // how many of both it takes where tasks interrupt one another
}

// hookSets are the backends. What ends a connection is attached before what
// opens one: an entry in the kernel's map is sure to be taken out again. Links
// to functions are slow to make, so there are as few as do: a connect that both
// programs miss is seen at its first change of state.
var hookSets = map[Backend][]hook{
	BackendFentry: {
		{probesProgBtfSetState, stateChange, trampoline, probesProgBtfSetStateAgain, 6},
		{probesProgFentryClose, "__tcp_close", trampoline, probesProgFentryCloseAgain, 4},
		{probesProgFexitAccept2, "inet_csk_accept", trampoline, probesProgFexitAccept2Again, 4},
		{probesProgFexitAccept4, "inet_csk_accept", trampoline, probesProgFexitAccept4Again, 4},
		{probesProgFentrySyn, "tcp_connect", trampoline, "", 1},
		{probesProgFexitV4Connect, "tcp_v4_connect", trampoline, probesProgFexitV4ConnectAgain, 2},
		{probesProgFexitV6Connect, "tcp_v6_connect", trampoline, probesProgFexitV6ConnectAgain, 2},
		{probesProgFentryV4Connect, "tcp_v4_connect", trampoline, probesProgFentryV4ConnectAgain, 2},
		{probesProgFentryV6Connect, "tcp_v6_connect", trampoline, probesProgFentryV6ConnectAgain, 2},
	},
	BackendKprobeMulti: {
		{probesProgRawSetState, stateChange, rawTracepoint, probesProgRawSetStateAgain, 6},
		{probesProgKprobeClose, "__tcp_close", kprobeMulti, "", 1},
		{probesProgKretprobeAccept, "inet_csk_accept", kretprobeMulti, "", 1},
		{probesProgKprobeSyn, "tcp_connect", kprobeMulti, "", 1},
		{probesProgKretprobeV4Connect, "tcp_v4_connect", kretprobeMulti, "", 1},
		{probesProgKretprobeV6Connect, "tcp_v6_connect", kretprobeMulti, "", 1},
		{probesProgKprobeV4Connect, "tcp_v4_connect", kprobeMulti, "", 1},
		{probesProgKprobeV6Connect, "tcp_v6_connect", kprobeMulti, "", 1},
	},
	BackendKprobe: {
		{probesProgRawSetState, stateChange, rawTracepoint, probesProgRawSetStateAgain, 6},
		{probesProgKprobeClose, "tcp_close", kprobe, "", 1},
		{probesProgKretprobeAccept, "inet_csk_accept", kretprobe, "", 1},
		{probesProgKretprobeV4Connect, "tcp_v4_connect", kretprobe, "", 1},
		{probesProgKretprobeV6Connect, "tcp_v6_connect", kretprobe, "", 1},
		{probesProgKprobeV4Connect, "tcp_v4_connect", kprobe, "", 1},
		{probesProgKprobeV6Connect, "tcp_v6_connect", kprobe, "", 1},
	},
}

// stateChange is the tracepoint that tells of each change of state.
const stateChange = "inet_sock_set_state"

func trampoline(prog *ebpf.Program, _ string) (link.Link, error) {
	return link.AttachTracing(link.TracingOptions{Program: prog})
}

func rawTracepoint(prog *ebpf.Program, name string) (link.Link, error) {
	return link.AttachRawTracepoint(link.RawTracepointOptions{Name: name, Program: prog})
}

func kprobe(prog *ebpf.Program, symbol string) (link.Link, error) {
	return link.Kprobe(symbol, prog, nil)
}

func kretprobe(prog *ebpf.Program, symbol string) (link.Link, error) {
	return link.Kretprobe(symbol, prog, nil)
}

func kprobeMulti(prog *ebpf.Program, symbol string) (link.Link, error) {
	return link.KprobeMulti(prog, link.KprobeMultiOptions{Symbols: []string{symbol}})
}

func kretprobeMulti(prog *ebpf.Program, symbol string) (link.Link, error) {
	return link.KretprobeMulti(prog, link.KprobeMultiOptions{Symbols: []string{symbol}})
}

// hooksOf is a backend's hooks on a kernel. Since 6.10, inet_csk_accept has
// two parameters instead of four, and a program for either finds what is
// returned at another place.
func hooksOf(backend Backend, types *btf.Spec, preemptible bool) []hook {
	unfit := probesProgFexitAccept2
	var argument *btf.Struct
	if err := types.TypeByName("proto_accept_arg", &argument); err == nil {
		unfit = probesProgFexitAccept4
	}
	var hooks []hook
	for _, h := range hookSets[backend] {
		if h.program != unfit {
			hooks = append(hooks, h.repeat(preemptible)...)
		}
	}
	return hooks
}

// repeat returns the hook and what comes after it, in the order to attach them:
// a trampoline runs what was attached last first, a tracepoint the other way.
// A task that is interrupted in a program keeps it from running for others, so
// several interrupted ones keep several. Where only packets interrupt, one
// change of state may come amid another, and no more. What was lost with fewer
// is in docs/records.md.
func (h hook) repeat(preemptible bool) []hook {
	times := 1
	switch {
	case preemptible:
		times = h.times
	case h.target == stateChange:
		times = 2
	}
	hooks := []hook{h}
	for i := range times - 1 {
		hooks = append(hooks, hook{copyName(h.again, i), h.target, h.attach, "", 1})
	}
	if h.target != stateChange {
		slices.Reverse(hooks)
	}
	return hooks
}

// copyName tells programs apart that are loaded more than once.
func copyName(program string, i int) string {
	if i == 0 {
		return program
	}
	return program + "#" + strconv.Itoa(i)
}

// sourceName undoes copyName.
func sourceName(name string) string {
	program, _, _ := strings.Cut(name, "#")
	return program
}

// keepOnly leaves in spec the programs that are in hooks, as often as they are
// there, and makes them fit for the backend.
func keepOnly(spec *ebpf.CollectionSpec, backend Backend, hooks []hook, seed bool) {
	programs := map[string]*ebpf.ProgramSpec{}
	if seed {
		programs[probesProgSeedLive] = spec.Programs[probesProgSeedLive]
	}
	for _, h := range hooks {
		programs[h.program] = spec.Programs[sourceName(h.program)].Copy()
	}
	spec.Programs = programs
	for _, prog := range programs {
		switch {
		case prog.Type != ebpf.Kprobe:
		case backend == BackendKprobeMulti:
			prog.AttachType = ebpf.AttachTraceKprobeMulti
		default:
			// else the library reads the version from its own memory, which
			// a program with file capabilities may not; no kernel >= 5.0 looks
			prog.KernelVersion = 1
		}
	}
}

// attach hooks everything up, and then looks for what was open before.
func (t *Tracer) attach(hooks []hook, seed bool) error {
	for _, h := range hooks {
		l, err := h.attach(t.objects.Programs[h.program], h.target)
		if err != nil {
			return fmt.Errorf("attach %s to %s: %w", h.program, h.target, err)
		}
		t.links = append(t.links, l)
	}
	if !seed {
		return nil
	}
	iterator := t.objects.Programs[probesProgSeedLive]
	delete(t.objects.Programs, probesProgSeedLive)
	return errors.Join(runIterator(iterator), iterator.Close())
}
