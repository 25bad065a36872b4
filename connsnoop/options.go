package connsnoop

import (
	"errors"
	"fmt"
	"math/bits"
	"os"
	"slices"
)

// ErrUnsupported is what New returns, wrapped with the reason, where the
// probes cannot be loaded or attached: old kernel, no BTF, no permission.
var ErrUnsupported = errors.New("cannot trace on this machine")

// Options of a Tracer. The zero value follows every connection, also those
// that are open already, with the best backend that works.
type Options struct {
	Backend Backend // empty is BackendAuto
	Events  bool    // also report KindOpen and KindEstablished
	Filter  Filter
	NoSeed  bool   // leave out connections that are open at the start
	BTF     string // file with the running kernel's types, or directory of RELEASE.btf; empty is the kernel's own

	MaxConnections uint32 // followed at once; 0 means 16384
	MaxAggregates  uint32 // combinations of comm, port, cgroup and direction; 0 means 4096
	RingBytes      uint32 // ring buffer: a power of two, at least a page; 0 means 1 MiB
}

func (o Options) check() error {
	if !slices.Contains(Backends(), o.backend()) {
		return fmt.Errorf("check options: unknown backend %q", o.Backend)
	}
	if o.RingBytes != 0 && (bits.OnesCount32(o.RingBytes) != 1 || o.RingBytes < uint32(os.Getpagesize())) {
		return fmt.Errorf("check options: ring of %d bytes: want a power of two, at least a page", o.RingBytes)
	}
	return o.Filter.check()
}

func (o Options) backend() Backend {
	if o.Backend == "" {
		return BackendAuto
	}
	return o.Backend
}
