package vmtest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
)

// outputOrder passes on the outputs of several kernels one after the other: the
// first that is not done as it comes, those of the others when it is their turn.
type outputOrder struct {
	stdout, stderr io.Writer

	broken func() // called once, when nobody reads any more

	mu      sync.Mutex
	gone    bool
	current int
	outputs map[int]*execStreams
}

func newOutputOrder(stdout, stderr io.Writer) *outputOrder {
	return &outputOrder{stdout: stdout, stderr: stderr, outputs: map[int]*execStreams{}}
}

// open begins the output of the i-th kernel.
func (o *outputOrder) open(i int) *execStreams {
	o.mu.Lock()
	defer o.mu.Unlock()
	s := &execStreams{order: o, index: i}
	o.outputs[i] = s
	return s
}

// discard removes what is left of outputs that nobody will see.
func (o *outputOrder) discard() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, s := range o.outputs {
		s.drop()
	}
}

// execStreams are the two outputs of one kernel.
type execStreams struct {
	order *outputOrder
	index int
	// writing is not zero while whoever reads our output is waited for.
	writing        atomic.Int32
	stdout, stderr atomic.Int64 // bytes that came

	spool *os.File // what waits for its turn, in the order it came
	done  bool
}

// streamOf writes one of the two streams.
type streamOf struct {
	*execStreams
	second bool // standard error
}

// Write implements io.Writer.
func (w streamOf) Write(p []byte) (int, error) {
	count := &w.execStreams.stdout
	if w.second {
		count = &w.execStreams.stderr
	}
	count.Add(int64(len(p)))
	w.writing.Add(1)
	defer w.writing.Add(-1)
	w.order.mu.Lock()
	defer w.order.mu.Unlock()
	if w.index == w.order.current {
		return len(p), w.order.write(w.second, p)
	}
	return len(p), w.keep(w.second, p)
}

// say adds a line of our own to standard error, which does not count as output.
func (s *execStreams) say(format string, args ...any) {
	w := streamOf{s, true}
	line := fmt.Appendf(nil, format+"\n", args...)
	_, _ = w.Write(line)
	s.stderr.Add(-int64(len(line)))
}

// write passes bytes on. A reader that has gone is no fault of the guest's.
func (o *outputOrder) write(second bool, p []byte) error {
	to := o.stdout
	if second {
		to = o.stderr
	}
	if to == nil || o.gone {
		return nil
	}
	_, err := to.Write(p)
	if errors.Is(err, syscall.EPIPE) {
		if !o.gone && o.broken != nil {
			go o.broken()
		}
		o.gone = true
		return nil
	}
	return err
}

// keep appends a piece to the spool: which stream, how long, what.
func (s *execStreams) keep(second bool, p []byte) error {
	if s.spool == nil {
		f, err := os.CreateTemp("", "vmtest-output-")
		if err != nil {
			return err
		}
		_ = os.Remove(f.Name()) // it lives as long as we have it open
		s.spool = f
	}
	var header [5]byte
	if second {
		header[0] = 1
	}
	binary.LittleEndian.PutUint32(header[1:], uint32(len(p)))
	_, err := s.spool.Write(append(header[:], p...))
	return err
}

// close ends a kernel's output; those that have waited for it come next.
func (s *execStreams) close() {
	o := s.order
	o.mu.Lock()
	defer o.mu.Unlock()
	s.done = true
	for {
		now := o.outputs[o.current]
		if now == nil || !now.done {
			return
		}
		o.current++
		if next := o.outputs[o.current]; next != nil {
			next.flush()
		}
	}
}

// flush passes on what has waited.
func (s *execStreams) flush() {
	if s.spool == nil {
		return
	}
	defer s.drop()
	if _, err := s.spool.Seek(0, io.SeekStart); err != nil {
		return
	}
	for {
		var header [5]byte
		if _, err := io.ReadFull(s.spool, header[:]); err != nil {
			return
		}
		p := make([]byte, binary.LittleEndian.Uint32(header[1:]))
		if _, err := io.ReadFull(s.spool, p); err != nil {
			return
		}
		_ = s.order.write(header[0] == 1, p)
	}
}

func (s *execStreams) drop() {
	if s.spool != nil {
		_ = s.spool.Close()
		s.spool = nil
	}
}

// outFiles are the files of --out that get one kernel's outputs.
type outFiles struct {
	stdout, stderr *diskWriter
}

func newOutFiles(dir string) (outFiles, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return outFiles{}, err
	}
	stdout, err := os.Create(dir + "/stdout.log")
	if err != nil {
		return outFiles{}, err
	}
	stderr, err := os.Create(dir + "/stderr.log")
	if err != nil {
		return outFiles{}, errors.Join(err, stdout.Close())
	}
	return outFiles{&diskWriter{w: stdout}, &diskWriter{w: stderr}}, nil
}

func (f outFiles) close() error { return errors.Join(f.stdout.Close(), f.stderr.Close()) }
