package connsnoop

import (
	"errors"
	"fmt"
	"io"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/ringbuf"
	"github.com/cilium/ebpf/rlimit"
)

// order is in what order BackendAuto tries.
var order = []Backend{BackendFentry, BackendKprobeMulti, BackendKprobe}

// start takes the backend that is asked for, or the first that works.
func (t *Tracer) start(options Options) error {
	// 5.10 charges maps to RLIMIT_MEMLOCK; later ones to the cgroup
	if err := rlimit.RemoveMemlock(); err != nil {
		return fmt.Errorf("raise memlock limit: %w", err)
	}
	var err error
	if t.kernel, err = kernelTypes(options.BTF); err != nil {
		return err
	}
	if options.BTF != "" && machine("/").hidesTypes() {
		options.NoSeed = true // the kernel would have to find the iterator by its own types
	}
	if backend := options.backend(); backend != BackendAuto {
		t.backend, t.reason = backend, "asked for"
		return t.startWith(options, backend)
	}
	var refusals error
	for _, backend := range order {
		err := t.startWith(options, backend)
		if err == nil {
			t.backend, t.reason = backend, "the best there is"
			if refusals != nil {
				t.reason = oneLine{refusals}.Error()
			}
			return nil
		}
		refusals = errors.Join(refusals, fmt.Errorf("%s: %w", backend, err), t.release())
	}
	return refusals
}

func (t *Tracer) startWith(options Options, backend Backend) error {
	spec, hooks, err := prepare(options, backend, t.kernel, machine("/").preempts())
	if err != nil {
		return err
	}
	types := ebpf.ProgramOptions{KernelTypes: t.kernel}
	if t.objects, err = ebpf.NewCollectionWithOptions(spec, ebpf.CollectionOptions{Programs: types}); err != nil {
		return fmt.Errorf("load probes: %w", err)
	}
	if t.reader, err = ringbuf.NewReader(t.objects.Maps[probesMapRing]); err != nil {
		return fmt.Errorf("open ring buffer: %w", err)
	}
	return t.attach(hooks, !options.NoSeed)
}

// prepare sets the options in the object, and leaves in it what a backend
// needs on a kernel with these types.
func prepare(options Options, backend Backend, types *btf.Spec, preempts bool) (*ebpf.CollectionSpec, []hook, error) {
	spec, err := loadProbes()
	if err != nil {
		return nil, nil, fmt.Errorf("read probes: %w", err)
	}
	if err := options.apply(spec); err != nil {
		return nil, nil, err
	}
	hooks := hooksOf(backend, types, preempts)
	keepOnly(spec, backend, hooks, !options.NoSeed)
	return spec, hooks, nil
}

func (o Options) apply(spec *ebpf.CollectionSpec) error {
	sizes := map[string]uint32{
		probesMapLive: o.MaxConnections, probesMapAggregates: o.MaxAggregates, probesMapRing: o.RingBytes,
	}
	for name, entries := range sizes {
		if entries > 0 {
			spec.Maps[name].MaxEntries = entries
		}
	}
	err := setVariables(spec, map[string]any{
		probesVarAllKinds:    boolToByte(o.Events),
		probesVarWakeupBytes: min(wakeupBytes, spec.Maps[probesMapRing].MaxEntries/4),
	})
	return errors.Join(err, o.Filter.apply(spec))
}

// wakeupBytes in the ring make the kernel wake the reader, which else looks at
// intervals: waking costs more than all the rest.
const wakeupBytes = 64 << 10

func boolToByte(b bool) byte {
	if b {
		return 1
	}
	return 0
}

// runIterator lets the program see all open files of all tasks.
func runIterator(prog *ebpf.Program) (err error) {
	it, err := link.AttachIter(link.IterOptions{Program: prog})
	if err != nil {
		return fmt.Errorf("attach iterator: %w", err)
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	walk, err := it.Open()
	if err != nil {
		return fmt.Errorf("open iterator: %w", err)
	}
	defer func() { err = errors.Join(err, walk.Close()) }()
	if _, err := io.Copy(io.Discard, walk); err != nil {
		return fmt.Errorf("read iterator: %w", err)
	}
	return nil
}
