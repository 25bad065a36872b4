package xdr

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Filter writes *v to the Codec, or reads it from there.
type Filter[T any] func(c *Codec, v *T)

// Codec is a value on its way into bytes or out of them. The first error
// stays: after it filters change nothing.
type Codec struct {
	data    []byte // written so far, or still to be read
	reading bool
	err     error
}

// errShort is a value that goes on behind the end of the data.
var errShort = errors.New("data ends within a value")

// Encode returns v as bytes.
func Encode[T any](v *T, filter Filter[T]) ([]byte, error) {
	c := &Codec{data: make([]byte, 0, 4096)}
	filter(c, v)
	return c.data, c.err
}

// Decode reads v from bytes, all of them. What it makes of them needs at most
// a small multiple of their length.
func Decode[T any](data []byte, v *T, filter Filter[T]) error {
	c := &Codec{data: data, reading: true}
	filter(c, v)
	if c.err == nil && len(c.data) > 0 {
		c.err = fmt.Errorf("%d bytes are left behind the value", len(c.data))
	}
	return c.err
}

// Fail ends the conversion: a filter has seen what cannot be.
func (c *Codec) Fail(err error) {
	if c.err == nil {
		c.err = err
	}
}

// Reading tells a filter which way it goes.
func (c *Codec) Reading() bool { return c.reading }

// take cuts the next n bytes off; nil if there are not as many.
func (c *Codec) take(n int) []byte {
	if c.err != nil {
		return nil
	}
	if n > len(c.data) {
		c.err = errShort
		return nil
	}
	taken := c.data[:n]
	c.data = c.data[n:]
	return taken
}

// Uint32 is an unsigned integer (RFC 4506, 4.2).
func (c *Codec) Uint32(v *uint32) {
	if !c.reading {
		c.data = binary.BigEndian.AppendUint32(c.data, *v)
	} else if b := c.take(4); b != nil {
		*v = binary.BigEndian.Uint32(b)
	}
}

// Uint64 is an unsigned hyper integer (4.5).
func (c *Codec) Uint64(v *uint64) {
	if !c.reading {
		c.data = binary.BigEndian.AppendUint64(c.data, *v)
	} else if b := c.take(8); b != nil {
		*v = binary.BigEndian.Uint64(b)
	}
}

// Bool is 0 or 1, and nothing else (4.4).
func (c *Codec) Bool(v *bool) {
	var n uint32
	if *v {
		n = 1
	}
	c.Uint32(&n)
	if n > 1 {
		c.Fail(fmt.Errorf("%d is no boolean", n))
		return
	}
	*v = n == 1
}

// length is that of what follows, which takes at least size bytes each.
func (c *Codec) length(n, size int) int {
	word := uint32(n) //nolint:gosec // of what lies in memory and, once encoded, must be less than a message
	c.Uint32(&word)
	if c.reading && c.err == nil && int64(word)*int64(size) > int64(len(c.data)) {
		c.err = errShort
	}
	if c.err != nil {
		return 0
	}
	return int(word)
}
