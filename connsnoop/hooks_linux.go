package connsnoop

import (
	"errors"
	"fmt"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"github.com/cilium/ebpf/link"

	"namespaces-cgroups-ebpf/internal/kernel"
)

// hook is a program of bpf/connsnoop.bpf.c and where it goes.
type hook struct {
	program string
	target  string // kernel function or tracepoint
	attach  func(*ebpf.Program, string) (link.Link, error)
}

// hookSets are the backends. What ends a connection is attached before what
// opens one: an entry in the kernel's map is sure to be taken out again. A
// trampoline runs what was attached last first, a tracepoint the other way.
var hookSets = map[Backend][]hook{
	BackendFentry: {
		{probesProgBtfSetState, "inet_sock_set_state", trampoline},
		{probesProgBtfSetStateAgain, "inet_sock_set_state", trampoline},
		{probesProgFentryCloseAgain, "__tcp_close", trampoline},
		{probesProgFentryClose, "__tcp_close", trampoline},
		{probesProgFexitAccept2Again, "inet_csk_accept", trampoline},
		{probesProgFexitAccept2, "inet_csk_accept", trampoline},
		{probesProgFexitAccept4, "inet_csk_accept", trampoline},
		{probesProgFentrySyn, "tcp_connect", trampoline},
		{probesProgFexitV4ConnectAgain, "tcp_v4_connect", trampoline},
		{probesProgFexitV4Connect, "tcp_v4_connect", trampoline},
		{probesProgFexitV6ConnectAgain, "tcp_v6_connect", trampoline},
		{probesProgFexitV6Connect, "tcp_v6_connect", trampoline},
		{probesProgFentryV4ConnectAgain, "tcp_v4_connect", trampoline},
		{probesProgFentryV4Connect, "tcp_v4_connect", trampoline},
		{probesProgFentryV6ConnectAgain, "tcp_v6_connect", trampoline},
		{probesProgFentryV6Connect, "tcp_v6_connect", trampoline},
	},
	BackendKprobeMulti: {
		{probesProgRawSetState, "inet_sock_set_state", rawTracepoint},
		{probesProgRawSetStateAgain, "inet_sock_set_state", rawTracepoint},
		{probesProgKprobeClose, "__tcp_close", kprobeMulti},
		{probesProgKretprobeAccept, "inet_csk_accept", kretprobeMulti},
		{probesProgKprobeSyn, "tcp_connect", kprobeMulti},
		{probesProgKretprobeV4Connect, "tcp_v4_connect", kretprobeMulti},
		{probesProgKretprobeV6Connect, "tcp_v6_connect", kretprobeMulti},
		{probesProgKprobeV4Connect, "tcp_v4_connect", kprobeMulti},
		{probesProgKprobeV6Connect, "tcp_v6_connect", kprobeMulti},
	},
	BackendKprobe: {
		{probesProgRawSetState, "inet_sock_set_state", rawTracepoint},
		{probesProgRawSetStateAgain, "inet_sock_set_state", rawTracepoint},
		{probesProgKprobeClose, "tcp_close", kprobe},
		{probesProgKretprobeAccept, "inet_csk_accept", kretprobe},
		{probesProgKretprobeV4Connect, "tcp_v4_connect", kretprobe},
		{probesProgKretprobeV6Connect, "tcp_v6_connect", kretprobe},
		{probesProgKprobeV4Connect, "tcp_v4_connect", kprobe},
		{probesProgKprobeV6Connect, "tcp_v6_connect", kprobe},
	},
}

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

// lazy is the first kernel that may let another task in while a program runs,
// unless it was booted with preempt=full.
var lazy = kernel.Version{Major: 6, Minor: 13}

// hooksOf is a backend's hooks on a kernel. Since 6.10, inet_csk_accept has
// two parameters instead of four, and a program for either finds what is
// returned at another place. Second programs are for where the first may be
// skipped: a change of state may always come amid another.
func hooksOf(backend Backend, types *btf.Spec, version kernel.Version) []hook {
	if backend != BackendFentry {
		return hookSets[backend]
	}
	unfit := probesProgFexitAccept2
	var argument *btf.Struct
	if err := types.TypeByName("proto_accept_arg", &argument); err == nil {
		unfit = probesProgFexitAccept4
	}
	var hooks []hook
	for _, h := range hookSets[backend] {
		again := strings.HasSuffix(h.program, "_again") && h.program != probesProgBtfSetStateAgain
		if !strings.HasPrefix(h.program, unfit) && (!again || version.AtLeast(lazy)) {
			hooks = append(hooks, h)
		}
	}
	return hooks
}

// keepOnly removes from spec the programs that are not in hooks, and makes
// those that are fit for the backend.
func keepOnly(spec *ebpf.CollectionSpec, backend Backend, hooks []hook, seed bool) {
	wanted := map[string]bool{probesProgSeedLive: seed}
	for _, h := range hooks {
		wanted[h.program] = true
	}
	for name, prog := range spec.Programs {
		switch {
		case !wanted[name]:
			delete(spec.Programs, name)
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
