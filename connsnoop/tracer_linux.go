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

	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/ringbuf"
)

// readInterval is how long a record may wait in the ring: the kernel wakes the
// reader only when much is queued (WAKEUP_BYTES in bpf/maps.h).
const readInterval = 100 * time.Millisecond

// Tracer follows TCP connections from New to Detach.
type Tracer struct {
	objects probesObjects
	links   []link.Link
	reader  *ringbuf.Reader
	clock   clock
	queued  atomic.Int64
	drained atomic.Bool
	detach  sync.Once
	detErr  error
}

// New loads the probes and attaches them: connections opened from its return
// on are followed. It needs CAP_BPF and CAP_PERFMON (root on 5.10), BTF, and
// on Debian kernel.perf_event_paranoid <= 2 or CAP_SYS_ADMIN. The error wraps
// ErrUnsupported and says what is missing. Call Close when done.
func New(options Options) (*Tracer, error) {
	if err := options.check(); err != nil {
		return nil, err
	}
	t := &Tracer{clock: clock{read: readClocks}}
	if err := t.clock.measure(); err != nil {
		return nil, err
	}
	if err := t.start(options); err != nil {
		return nil, errors.Join(unsupported("/", err), t.Close())
	}
	return t, nil
}

func (t *Tracer) start(options Options) error {
	if err := t.load(options); err != nil {
		return err
	}
	var err error
	if t.reader, err = ringbuf.NewReader(t.objects.Ring); err != nil {
		return fmt.Errorf("open ring buffer: %w", err)
	}
	return t.attach()
}

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
	t.detach.Do(func() {
		for _, l := range t.links {
			t.detErr = errors.Join(t.detErr, l.Close())
		}
		if t.reader != nil {
			t.detErr = errors.Join(t.detErr, t.reader.Flush())
		}
	})
	return t.detErr
}

// Close detaches and frees everything. Nothing of a Tracer outlives its
// process: no map, program or link is pinned.
func (t *Tracer) Close() error {
	err := t.Detach()
	if t.reader != nil {
		err = errors.Join(err, t.reader.Close())
	}
	return errors.Join(err, t.objects.Close())
}
