package connsnoop

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/ringbuf"
)

// readInterval is how long a record may wait in the ring: the kernel wakes the
// reader only when much is queued (wakeupBytes).
const readInterval = 100 * time.Millisecond

// Tracer follows TCP connections from New to Detach.
type Tracer struct {
	backend Backend
	reason  string
	kernel  *btf.Spec
	objects *ebpf.Collection
	links   []link.Link
	reader  *ringbuf.Reader
	clock   clock
	paths   map[uint64]string
	queued  atomic.Int64
	drained atomic.Bool

	mutex             sync.Mutex // of what follows
	detached          bool
	detachError       error
	missed, recursion uint64
}

// New loads the probes and attaches them: connections opened from its return
// on are followed, and unless Options.NoSeed is set those that were open
// before. It needs CAP_BPF and CAP_PERFMON (root on 5.10) and BTF. The error
// wraps ErrUnsupported and says what is missing. Call Close when done.
func New(options Options) (*Tracer, error) {
	if err := options.check(); err != nil {
		return nil, err
	}
	t := &Tracer{clock: clock{read: readClocks}, paths: map[uint64]string{}}
	if err := t.clock.measure(); err != nil {
		return nil, err
	}
	if err := t.start(options); err != nil {
		if errors.Is(err, errBTF) {
			return nil, errors.Join(err, t.Close()) // not the machine's fault
		}
		return nil, errors.Join(unsupported("/", options.backend(), options.BTF != "", err), t.Close())
	}
	return t, nil
}

// Backend returns the hooks that are in use, never BackendAuto, and why.
func (t *Tracer) Backend() (Backend, string) { return t.backend, t.reason }

// Probes is the number of attached probes.
func (t *Tracer) Probes() int { return len(t.links) }

// Read waits for the next event. After Detach it returns what is still in
// the ring, and then io.EOF. Call it from one goroutine only.
func (t *Tracer) Read() (Event, error) {
	for !t.drained.Load() {
		t.reader.SetDeadline(time.Now().Add(readInterval))
		record, err := t.reader.Read()
		switch {
		case err == nil:
			t.queued.Store(int64(record.Remaining))
			return t.decode(record.RawSample)
		case errors.Is(err, ringbuf.ErrFlushed), errors.Is(err, ringbuf.ErrClosed):
			t.drained.Store(true)
		case !errors.Is(err, os.ErrDeadlineExceeded):
			return Event{}, fmt.Errorf("read ring buffer: %w", err)
		}
	}
	return Event{}, io.EOF
}

func (t *Tracer) decode(sample []byte) (Event, error) {
	event, err := Decode(sample, 0)
	if err != nil {
		return Event{}, err
	}
	event.Backend = t.backend
	event.Cgroup.Path = t.cgroupPath(event.Cgroup.ID)
	event.ClockOffset, err = t.clock.current(event.At())
	return event, err
}

// More says whether a further event was in the ring when Read last returned:
// a writer that buffers flushes when there was none.
func (t *Tracer) More() bool { return t.queued.Load() > 0 }

// Events yields events until ctx is done, and then those that ended before:
// nothing that the kernel recorded is lost. An error ends it.
func (t *Tracer) Events(ctx context.Context) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		stop := context.AfterFunc(ctx, func() { _ = t.Detach() })
		defer stop()
		for {
			event, err := t.Read()
			if errors.Is(err, io.EOF) {
				return
			}
			if !yield(event, err) || err != nil {
				return
			}
		}
	}
}

// Detach removes the probes and makes Read end. The kernel waits for probes
// that run on other CPUs, so after it the ring and Stats are complete.
func (t *Tracer) Detach() error {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if t.detached {
		return t.detachError
	}
	if t.objects != nil {
		t.missed, t.recursion = t.countSkipped()
	}
	for _, l := range t.links {
		t.detachError = errors.Join(t.detachError, l.Close())
	}
	if t.reader != nil {
		t.detachError = errors.Join(t.detachError, t.reader.Flush())
	}
	t.detached = true
	return t.detachError
}

// Close detaches and frees everything. Nothing of a Tracer outlives its
// process: no map, program or link is pinned.
func (t *Tracer) Close() error {
	return errors.Join(t.Detach(), t.release())
}

// release frees what a backend holds; another may then be tried.
func (t *Tracer) release() (err error) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if !t.detached {
		for _, l := range t.links {
			err = errors.Join(err, l.Close())
		}
	}
	if t.reader != nil {
		err = errors.Join(err, t.reader.Close())
	}
	if t.objects != nil {
		t.objects.Close()
	}
	t.links, t.reader, t.objects = nil, nil, nil
	return err
}
