package guest

import (
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"namespaces-cgroups-ebpf/vmtest/internal/wire"
)

const (
	// outputGrace is how long pipes may stay open after the command's exit
	// before the processes that hold them are killed.
	outputGrace = 100 * time.Millisecond
	// outputQuiet ends a pipe that a process in an uninterruptible sleep still
	// holds: no byte for this long after everything was killed.
	outputQuiet = time.Second
)

// output sends what a command writes, up to its limit, and counts the rest.
type output struct {
	enc       *wire.Encoder
	id        uint32
	stdout    atomic.Int64
	stderr    atomic.Int64
	truncated atomic.Bool
	closing   atomic.Bool
	pumps     sync.WaitGroup

	mu     sync.Mutex
	budget int64
}

func newOutput(enc *wire.Encoder, id uint32, limit int64) *output {
	if limit == 0 {
		limit = wire.DefaultOutputLimitBytes
	}
	return &output{enc: enc, id: id, budget: limit}
}

// pump starts reading one pipe.
func (o *output) pump(s *session, pipe outputPipe) {
	o.pumps.Add(1)
	s.spawn("output", func() error {
		defer o.pumps.Done()
		return o.copy(pipe)
	})
}

func (o *output) copy(pipe outputPipe) error {
	count := &o.stdout
	if pipe.kind == wire.TypeStderr {
		count = &o.stderr
	}
	buf := make([]byte, wire.MaxStreamBytes)
	for quiet := false; ; {
		n, err := pipe.file.Read(buf)
		if n > 0 {
			quiet = false
			count.Add(int64(n))
			if err := o.send(pipe.kind, buf[:n]); err != nil {
				return err
			}
		}
		if errors.Is(err, os.ErrDeadlineExceeded) && o.closing.Load() && !quiet {
			// Data may have waited while the host was slow: only a whole quiet
			// period without any ends the pipe.
			quiet = true
			_ = pipe.file.SetReadDeadline(time.Now().Add(outputQuiet))
			continue
		}
		if err != nil {
			return nil // EOF, or EIO from a terminal without users
		}
	}
}

func (o *output) send(kind wire.Type, data []byte) error {
	allowed := o.take(len(data))
	if allowed < len(data) {
		o.truncated.Store(true)
	}
	if allowed == 0 {
		return nil
	}
	return o.enc.Encode(kind, o.id, data[:allowed])
}

// take reserves up to n bytes of the budget; a negative budget is endless.
func (o *output) take(n int) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.budget < 0 {
		return n
	}
	allowed := min(int64(n), o.budget)
	o.budget -= allowed
	return int(allowed)
}

// wait returns when all pipes have ended, or after limit.
func (o *output) wait(limit time.Duration) {
	ended := make(chan struct{})
	go func() {
		o.pumps.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(limit):
	}
}

// finish returns when all that was written has been sent.
func (o *output) finish(streams *streams) {
	o.closing.Store(true)
	for _, pipe := range streams.outputs {
		_ = pipe.file.SetReadDeadline(time.Now().Add(outputQuiet))
	}
	o.pumps.Wait()
}
