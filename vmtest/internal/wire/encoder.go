package wire

import (
	"encoding/json"
	"fmt"
	"io"
	"sync"
)

// Encoder writes frames and numbers them. It is safe for concurrent use; each
// frame is one Write. The first error sticks, since the stream is then broken.
type Encoder struct {
	mu  sync.Mutex
	w   io.Writer
	seq uint64
	buf []byte
	err error
}

// NewEncoder returns an encoder whose first frame has sequence 1.
func NewEncoder(w io.Writer) *Encoder { return &Encoder{w: w} }

// Encode writes one frame. A payload over the type's limit is refused with
// [ErrTooLarge] and leaves the stream intact.
func (e *Encoder) Encode(t Type, id uint32, payload []byte) error {
	return e.encode(t, id, func(uint64) ([]byte, error) { return payload, nil })
}

// EncodeJSON writes one frame whose payload is v as JSON.
func (e *Encoder) EncodeJSON(t Type, id uint32, v any) error {
	payload, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("marshal %s frame: %w", t, err)
	}
	return e.Encode(t, id, payload)
}

// EncodeDone writes the Done frame, filling in FramesSent while the encoder is
// locked so that the count is exact. Later frames are refused with [ErrClosed].
func (e *Encoder) EncodeDone(done Done) error {
	return e.encode(TypeDone, 0, func(seq uint64) ([]byte, error) {
		done.FramesSent = seq
		return json.Marshal(done)
	})
}

// Sent is the number of frames written so far.
func (e *Encoder) Sent() uint64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.seq
}

// Stream returns a writer that turns bytes into frames of type t, split at the
// type's limit.
func (e *Encoder) Stream(t Type, id uint32) io.Writer {
	return streamWriter{encoder: e, kind: t, id: id}
}

func (e *Encoder) encode(t Type, id uint32, payload func(seq uint64) ([]byte, error)) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.err != nil {
		return e.err
	}
	data, err := payload(e.seq + 1)
	if err != nil {
		return fmt.Errorf("marshal %s frame: %w", t, err)
	}
	if !t.known() {
		return fmt.Errorf("write %s frame: %w", t, ErrUnknownType)
	}
	if len(data) > t.MaxPayload() {
		return fmt.Errorf("write %s frame of %d bytes: %w", t, len(data), ErrTooLarge)
	}
	return e.write(Frame{Type: t, ID: id, Seq: e.seq + 1, Payload: data})
}

func (e *Encoder) write(f Frame) error {
	e.buf = appendFrame(e.buf[:0], f)
	if _, err := e.w.Write(e.buf); err != nil {
		e.err = fmt.Errorf("write %s frame: %w", f.Type, err)
		return e.err
	}
	e.seq = f.Seq
	if f.Type == TypeDone {
		e.err = ErrClosed
	}
	return nil
}

type streamWriter struct {
	encoder *Encoder
	kind    Type
	id      uint32
}

// Write sends all of p or fails.
func (s streamWriter) Write(p []byte) (int, error) {
	limit := s.kind.MaxPayload()
	for sent := 0; sent < len(p); {
		piece := p[sent:min(len(p), sent+limit)]
		if err := s.encoder.Encode(s.kind, s.id, piece); err != nil {
			return sent, err
		}
		sent += len(piece)
	}
	return len(p), nil
}
