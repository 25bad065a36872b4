package xdr

import (
	"errors"
	"maps"
	"slices"
)

// unit is that of the format, in bytes: no element of a list is smaller.
const unit = 4

// Int is any whole number, as a hyper integer.
func Int[T ~int | ~int32 | ~int64 | ~uint | ~uint16 | ~uint32 | ~uint64 | ~uintptr](c *Codec, v *T) {
	n := uint64(*v) //nolint:gosec // negative ones come back the same way
	c.Uint64(&n)
	if c.err != nil {
		return
	}
	*v = T(n)            //nolint:gosec // checked on the next line
	if uint64(*v) != n { //nolint:gosec // as above
		c.Fail(errors.New("number is too large for its type"))
	}
}

// String is text of any length, filled up to whole units with zeros (4.11).
func String[T ~string](c *Codec, v *T) {
	n := c.length(len(*v), 1)
	if !c.reading {
		c.data = append(c.data, *v...)
		c.data = append(c.data, make([]byte, padding(n))...)
		return
	}
	text := c.take(n)
	*v = T(text)
	c.fill(padding(n))
}

func padding(n int) int { return (unit - n%unit) % unit }

// fill reads zeros.
func (c *Codec) fill(n int) {
	for _, b := range c.take(n) {
		if b != 0 {
			c.Fail(errors.New("padding is not zero"))
		}
	}
}

// Bytes is opaque data (4.10); none comes back as nil.
func Bytes(c *Codec, v *[]byte) {
	text := string(*v)
	String(c, &text)
	if c.reading && c.err == nil && text != "" {
		*v = []byte(text)
	}
}

// List is an array of any length (4.13); an empty one comes back as nil.
func List[T any](c *Codec, v *[]T, filter Filter[T]) {
	n := c.length(len(*v), unit)
	if c.reading {
		*v = nil
	}
	for i := 0; i < n && c.err == nil; i++ {
		if c.reading {
			*v = append(*v, *new(T))
		}
		filter(c, &(*v)[i])
	}
}

// Optional is what may be absent (4.19).
func Optional[T any](c *Codec, v **T, filter Filter[T]) {
	present := *v != nil
	c.Bool(&present)
	if c.err != nil || !present {
		return
	}
	if c.reading {
		*v = new(T)
	}
	filter(c, *v)
}

// Map is a list of keys and values, sorted by key, no key twice; an empty one
// comes back as nil.
func Map[K ~string | ~int, V any](c *Codec, v *map[K]V, key Filter[K], value Filter[V]) {
	keys := slices.Sorted(maps.Keys(*v))
	n := c.length(len(keys), unit)
	if c.reading && n > 0 {
		*v = make(map[K]V)
	}
	var last K
	for i := 0; i < n && c.err == nil; i++ {
		var k K
		if !c.reading {
			k = keys[i]
		}
		key(c, &k)
		if i > 0 && c.err == nil && k <= last {
			c.Fail(errors.New("keys are not in order"))
		}
		last = k
		entry := (*v)[k]
		value(c, &entry)
		if c.reading {
			(*v)[k] = entry
		}
	}
}
