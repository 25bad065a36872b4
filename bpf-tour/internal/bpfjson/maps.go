package bpfjson

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
)

// pair is one member of a JSON object, in document order.
type pair struct {
	key   string
	value json.RawMessage
}

// pairs reads an object without losing members that have the same name:
// bpftrace joins the keys of a map by commas, so ("a,b","c") and ("a","b,c")
// come out alike.
func pairs(data []byte) ([]pair, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil, fmt.Errorf("want an object")
	}
	var out []pair
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return nil, err
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return nil, err
		}
		out = append(out, pair{name.(string), value})
	}
	return out, nil
}

func (d *Decoder) maps(data []byte, kind Kind) ([]MapValues, error) {
	named, err := pairs(data)
	if err != nil {
		return nil, err
	}
	var out []MapValues
	for _, p := range named {
		entries, err := d.entries(p.value, kind)
		if err != nil {
			return nil, fmt.Errorf("map %s: %w", p.key, err)
		}
		out = append(out, MapValues{Name: p.key, Entries: entries})
	}
	return out, nil
}

func (d *Decoder) entries(data json.RawMessage, kind Kind) ([]Entry, error) {
	if len(data) == 0 || data[0] != '{' {
		e, err := d.entry(data, kind)
		return []Entry{e}, err
	}
	keyed, err := pairs(data)
	if err != nil {
		return nil, err
	}
	out := make([]Entry, 0, len(keyed))
	for _, p := range keyed {
		e, err := d.entry(p.value, kind)
		if err != nil {
			return nil, fmt.Errorf("key %q: %w", p.key, err)
		}
		e.Key, e.Keyed = d.key(p.key), true
		out = append(out, e)
	}
	return out, nil
}

// key undoes the second escaping that 0.23 applies to the keys of maps.
func (d *Decoder) key(s string) string {
	if !d.version.AtLeast(0, 23) || d.version.AtLeast(0, 24) {
		return s
	}
	var plain string
	if err := json.Unmarshal(unmangle([]byte(`"`+s+`"`)), &plain); err != nil {
		return s
	}
	return plain
}

func (d *Decoder) entry(data json.RawMessage, kind Kind) (Entry, error) {
	if kind == Map {
		v, err := decodeValue(data)
		return Entry{Value: v}, err
	}
	var raw []struct {
		Min   *int64  `json:"min"`
		Max   *int64  `json:"max"`
		Count *uint64 `json:"count"`
	}
	if err := json.Unmarshal(data, &raw); err != nil {
		return Entry{}, err
	}
	e := Entry{Buckets: []Bucket{}}
	for _, b := range raw {
		if b.Count == nil || b.Min == nil && b.Max == nil {
			return Entry{}, fmt.Errorf("bucket without bounds or count")
		}
		e.Buckets = append(e.Buckets, d.bucket(Bucket{b.Min, b.Max, *b.Count}))
	}
	return e, nil
}

// bucket repairs the label that versions before 0.20 give to everything from
// 2^31 on: "min": -2147483648, "max": 0.
func (d *Decoder) bucket(b Bucket) Bucket {
	if d.version.AtLeast(0, 20) || b.Min == nil || b.Max == nil || *b.Min != math.MinInt32 || *b.Max != 0 {
		return b
	}
	from := int64(math.MaxInt32) + 1
	return Bucket{Min: &from, Count: b.Count}
}

// Int64 reads a signed number that bpftrace printed bare or, from 0.24 on if
// no float64 holds it, quoted.
func Int64(v any) (int64, error) {
	s, err := digits(v)
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(s, 10, 64)
}

// Uint64 is Int64 for unsigned numbers.
func Uint64(v any) (uint64, error) {
	s, err := digits(v)
	if err != nil {
		return 0, err
	}
	return strconv.ParseUint(s, 10, 64)
}

func digits(v any) (string, error) {
	switch v := v.(type) {
	case json.Number:
		return v.String(), nil
	case string:
		return v, nil
	}
	return "", fmt.Errorf("want a number, got %T", v)
}
