package vmtest

import (
	"bytes"
	"errors"
	"io"
	"sync"
)

// headBuffer keeps the first bytes of a stream. A guest that is given up may
// still write while what is there is read.
type headBuffer struct {
	limit int

	mu  sync.Mutex
	buf []byte
}

// Write implements io.Writer and never fails.
func (h *headBuffer) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.buf = append(h.buf, p[:min(len(p), h.limit-len(h.buf))]...)
	return len(p), nil
}

// Bytes returns what was kept.
func (h *headBuffer) Bytes() []byte {
	h.mu.Lock()
	defer h.mu.Unlock()
	return bytes.Clone(h.buf)
}

// diskWriter remembers the first error instead of passing it on: a full disk
// of the host must not look like a broken channel.
type diskWriter struct {
	mu  sync.Mutex
	w   io.WriteCloser
	err error
}

// Write implements io.Writer and never fails.
func (d *diskWriter) Write(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err == nil {
		_, d.err = d.w.Write(p)
	}
	return len(p), nil
}

// Close returns the first error of writing or closing.
func (d *diskWriter) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return errors.Join(d.err, d.w.Close())
}
