package qemu

import "sync"

// Tail keeps the first and the last bytes of a stream and counts the rest, so
// that a guest which floods its console costs bounded memory. Safe for
// concurrent use.
type Tail struct {
	mu      sync.Mutex
	limit   int // of each of head and tail, bytes
	head    []byte
	tail    []byte
	dropped int64
}

// NewTail keeps limit bytes of the head and limit bytes of the tail.
func NewTail(limit int) *Tail { return &Tail{limit: limit} }

// Write implements io.Writer and never fails.
func (t *Tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := len(p)
	if room := t.limit - len(t.head); room > 0 {
		take := min(room, len(p))
		t.head = append(t.head, p[:take]...)
		p = p[take:]
	}
	t.tail = append(t.tail, p...)
	// Cut only when twice over, so that each byte is moved about once.
	if len(t.tail) > 2*t.limit {
		cut := len(t.tail) - t.limit
		t.dropped += int64(cut)
		t.tail = append(t.tail[:0], t.tail[cut:]...)
	}
	return n, nil
}

// Bytes returns the head, a line that says how much is missing if anything
// is, and the tail.
func (t *Tail) Bytes() []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := append([]byte(nil), t.head...)
	if t.dropped > 0 {
		out = append(out, []byte("\n[... output cut here ...]\n")...)
	}
	return append(out, t.tail...)
}

// Dropped is the number of bytes that were not kept.
func (t *Tail) Dropped() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.dropped
}
