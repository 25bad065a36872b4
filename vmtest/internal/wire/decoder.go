package wire

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Decoder reads frames and checks each one: magic, version, type, size,
// checksum and sequence. It is not safe for concurrent use.
type Decoder struct {
	r    *bufio.Reader
	next uint64
	err  error
}

// NewDecoder returns a decoder that expects sequence 1 first.
func NewDecoder(r io.Reader) *Decoder { return NewDecoderAt(r, 1) }

// NewDecoderAt returns a decoder that expects sequence next first: 2 for the
// host end of a machine restored from a snapshot, whose Hello was read before.
func NewDecoderAt(r io.Reader, next uint64) *Decoder {
	return &Decoder{r: bufio.NewReaderSize(r, MaxStreamBytes), next: next}
}

// Decode returns the next frame. It returns io.EOF when the stream ends between
// frames and a typed error of this package for a bad frame; errors stick.
func (d *Decoder) Decode() (Frame, error) {
	if d.err != nil {
		return Frame{}, d.err
	}
	frame, err := d.decode()
	if err != nil {
		d.err = err
		return Frame{}, err
	}
	d.next++
	return frame, nil
}

func (d *Decoder) decode() (Frame, error) {
	var header [headerBytes]byte
	if _, err := io.ReadFull(d.r, header[:]); err != nil {
		return Frame{}, readError("frame header", err)
	}
	length, err := checkHeader(header[:])
	if err != nil {
		return Frame{}, err
	}
	payload := make([]byte, length)
	if _, err := io.ReadFull(d.r, payload); err != nil {
		return Frame{}, readError("frame payload", noCleanEOF(err))
	}
	if got, want := checksum(header[:crcOffset], payload), binary.LittleEndian.Uint32(header[crcOffset:]); got != want {
		return Frame{}, fmt.Errorf("check frame: %w: checksum %#08x, header says %#08x", ErrCorrupt, got, want)
	}
	return d.accept(header[:], payload)
}

// accept runs last: a sequence number is only worth reading once the checksum
// has vouched for it.
func (d *Decoder) accept(header, payload []byte) (Frame, error) {
	f := Frame{
		Type:    Type(header[3]),
		ID:      binary.LittleEndian.Uint32(header[4:]),
		Seq:     binary.LittleEndian.Uint64(header[8:]),
		Payload: payload,
	}
	if f.Seq != d.next {
		return Frame{}, fmt.Errorf("check %s frame: %w", f.Type, &SequenceError{Want: d.next, Got: f.Seq})
	}
	return f, nil
}

// checkHeader returns the payload's length in bytes, bounded by the type's limit.
func checkHeader(header []byte) (int, error) {
	if got := binary.LittleEndian.Uint16(header); got != magic {
		return 0, fmt.Errorf("check frame: %w: magic %#04x", ErrCorrupt, got)
	}
	if header[2] != headerVersion {
		return 0, fmt.Errorf("check frame: %w: %d", ErrVersion, header[2])
	}
	t := Type(header[3])
	if !t.known() {
		return 0, fmt.Errorf("check frame: %w: %d", ErrUnknownType, header[3])
	}
	length := binary.LittleEndian.Uint32(header[16:])
	if uint64(length) > uint64(t.MaxPayload()) {
		return 0, fmt.Errorf("check %s frame of %d bytes: %w", t, length, ErrTooLarge)
	}
	return int(length), nil
}

// readError keeps a clean io.EOF as it is and types every other early end.
func readError(what string, err error) error {
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("read %s: %w", what, ErrTruncated)
	case err == io.EOF:
		return io.EOF
	}
	return fmt.Errorf("read %s: %w", what, err)
}

func noCleanEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
