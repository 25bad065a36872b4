package connsnoop

import (
	"errors"
	"fmt"
	"math/bits"
	"os"
)

// ErrUnsupported is what New returns, wrapped with the reason, where the
// probes cannot be loaded or attached: old kernel, no BTF, no permission.
var ErrUnsupported = errors.New("cannot trace on this machine")

// Options of a Tracer. The zero value follows every connection.
type Options struct {
	PID       uint32 // follow sockets opened by this process only (initial PID namespace)
	Port      uint16 // report connections with this local or remote port only
	MaxConns  uint32 // connections followed at once; 0 means 16384
	RingBytes uint32 // ring buffer: a power of two, at least a page; 0 means 1 MiB
}

func (o Options) check() error {
	if o.RingBytes == 0 {
		return nil
	}
	if bits.OnesCount32(o.RingBytes) != 1 || o.RingBytes < uint32(os.Getpagesize()) {
		return fmt.Errorf("check options: ring of %d bytes: want a power of two, at least a page", o.RingBytes)
	}
	return nil
}
