package wire

import (
	"errors"
	"fmt"
)

// Errors of the frame layer. After any of them the stream is unusable: there
// is no resynchronisation, since bytes skipped would be results lost.
var (
	// ErrTruncated: the stream ended inside a frame.
	ErrTruncated = errors.New("frame truncated")
	// ErrCorrupt: wrong magic or checksum.
	ErrCorrupt = errors.New("frame corrupt")
	// ErrVersion: the header's version is not ours.
	ErrVersion = errors.New("frame version unsupported")
	// ErrUnknownType: the header's type is not in this protocol.
	ErrUnknownType = errors.New("frame type unknown")
	// ErrTooLarge: the payload exceeds its type's limit.
	ErrTooLarge = errors.New("frame payload too large")
	// ErrSequence: a gap, a duplicate or a reordering; see [SequenceError].
	ErrSequence = errors.New("frame out of sequence")
	// ErrClosed: Done has been sent, nothing may follow it.
	ErrClosed = errors.New("stream closed by done frame")
	// ErrPayload: the frame is sound but its JSON is not what its type demands.
	ErrPayload = errors.New("frame payload malformed")
)

// SequenceError tells how a frame broke the order. It matches [ErrSequence].
type SequenceError struct {
	// Want is the sequence number that was due.
	Want uint64
	// Got is the one that came.
	Got uint64
}

// Kind is "gap" when frames are missing, "duplicate" when the last frame came
// again and "reordered" for anything older.
func (e *SequenceError) Kind() string {
	switch {
	case e.Got > e.Want:
		return "gap"
	case e.Got+1 == e.Want:
		return "duplicate"
	}
	return "reordered"
}

// Error implements error.
func (e *SequenceError) Error() string {
	return fmt.Sprintf("%v: %s, want %d, got %d", ErrSequence, e.Kind(), e.Want, e.Got)
}

// Is reports whether target is [ErrSequence].
func (e *SequenceError) Is(target error) bool { return target == ErrSequence }
