package vmtest

import (
	"errors"
	"io"
	"os"
	"sync"
)

// replay gives every kernel the whole of one input. It is read when somebody
// wants more than has been read so far, and never before.
type replay struct {
	source io.Reader

	mu      sync.Mutex
	changed sync.Cond
	kept    *os.File // what was read, once there is any
	size    int64
	reading bool
	err     error // io.EOF at the end
}

func newReplay(source io.Reader) *replay {
	r := &replay{source: source}
	r.changed.L = &r.mu
	return r
}

// reader returns the input from its beginning, nil for none.
func (r *replay) reader() io.Reader {
	if r.source == nil {
		return nil
	}
	return &replayReader{replay: r}
}

type replayReader struct {
	*replay
	offset int64
}

// Read implements io.Reader.
func (r *replayReader) Read(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.offset == r.size {
		if r.err != nil {
			return 0, r.err
		}
		if !r.reading {
			r.reading = true
			go r.more(len(p))
		}
		r.changed.Wait()
	}
	n, err := r.kept.ReadAt(p[:min(int64(len(p)), r.size-r.offset)], r.offset)
	r.offset += int64(n)
	return n, err
}

// more reads one piece. It holds no lock meanwhile: whoever replays what is
// there already must not wait for a source that says nothing.
func (r *replay) more(n int) {
	buf := make([]byte, n)
	n, err := r.source.Read(buf)
	r.mu.Lock()
	defer r.mu.Unlock()
	defer r.changed.Broadcast()
	r.reading = false
	if keepErr := r.keep(buf[:n]); keepErr != nil {
		err = keepErr
	}
	if r.err == nil {
		r.err = err
	}
}

func (r *replay) keep(p []byte) error {
	if len(p) == 0 || r.err != nil {
		return nil
	}
	if r.kept == nil {
		f, err := os.CreateTemp("", "vmtest-input-")
		if err != nil {
			return err
		}
		_ = os.Remove(f.Name())
		r.kept = f
	}
	n, err := r.kept.WriteAt(p, r.size)
	r.size += int64(n)
	return err
}

func (r *replay) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.err = errors.Join(r.err, os.ErrClosed)
	r.changed.Broadcast()
	if r.kept != nil {
		_ = r.kept.Close()
	}
}
