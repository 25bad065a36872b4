package connsnoop

import (
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/rlimit"
)

// load sets the options in the object and gives it to the kernel.
func (t *Tracer) load(options Options) error {
	// 5.10 charges maps to RLIMIT_MEMLOCK; later ones to the cgroup
	if err := rlimit.RemoveMemlock(); err != nil {
		return fmt.Errorf("raise memlock limit: %w", err)
	}
	spec, err := loadProbes()
	if err != nil {
		return fmt.Errorf("read probes: %w", err)
	}
	if err := options.apply(spec); err != nil {
		return err
	}
	if err := spec.LoadAndAssign(&t.objects, nil); err != nil {
		return fmt.Errorf("load probes: %w", err)
	}
	return nil
}

func (o Options) apply(spec *ebpf.CollectionSpec) error {
	if err := spec.Variables[probesVarFilterPid].Set(o.PID); err != nil {
		return fmt.Errorf("set pid filter: %w", err)
	}
	if err := spec.Variables[probesVarFilterPort].Set(o.Port); err != nil {
		return fmt.Errorf("set port filter: %w", err)
	}
	if o.MaxConns > 0 {
		spec.Maps[probesMapLive].MaxEntries = o.MaxConns
	}
	if o.RingBytes > 0 {
		spec.Maps[probesMapRing].MaxEntries = o.RingBytes
	}
	return nil
}

type kprobeFunc func(symbol string, prog *ebpf.Program, opts *link.KprobeOptions) (link.Link, error)

// attach hooks tcp_close first: what is then opened is sure to be taken out.
func (t *Tracer) attach() error {
	hooks := []struct {
		symbol string
		kprobe kprobeFunc
		prog   *ebpf.Program
	}{
		{"tcp_close", link.Kprobe, t.objects.OnTcpClose},
		{"inet_csk_accept", link.Kretprobe, t.objects.OnInetCskAccept},
		{"tcp_v4_connect", link.Kprobe, t.objects.OnTcpV4Connect},
		{"tcp_v6_connect", link.Kprobe, t.objects.OnTcpV6Connect},
	}
	for _, h := range hooks {
		l, err := h.kprobe(h.symbol, h.prog, nil)
		if err != nil {
			return fmt.Errorf("attach to %s: %w", h.symbol, err)
		}
		t.links = append(t.links, l)
	}
	return nil
}
