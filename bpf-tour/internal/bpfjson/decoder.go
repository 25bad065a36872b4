package bpfjson

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
)

// Decoder decodes the standard output of one bpftrace process. It must be
// given every line in order. The zero value decodes as for version 0.0.
type Decoder struct {
	version Version
	hex     bool // a \u escape was seen: from 0.24 on counts are hexadecimal
}

// NewDecoder returns a decoder for the output of that bpftrace version.
func NewDecoder(v Version) *Decoder { return &Decoder{version: v} }

// envelope is the object on every JSON line of bpftrace.
type envelope struct {
	Type   string          `json:"type"`
	Data   json.RawMessage `json:"data"`
	Msg    string          `json:"msg"`    // helper_error >= 0.23, runtime_error
	Helper string          `json:"helper"` // helper_error
}

// Decode decodes one line. An error means a line that looks like JSON and is
// none, or lacks what its type must have; the decoder stays usable.
func (d *Decoder) Decode(line []byte) (Message, error) {
	line = bytes.TrimSpace(line)
	switch {
	case len(line) == 0:
		return Message{Kind: Blank}, nil
	case bytes.Equal(line, notifyLine):
		return Message{Kind: Attached}, nil
	case line[0] != '{':
		return Message{Kind: Text, Text: string(line)}, nil
	}
	if d.version.AtLeast(0, 24) {
		line, d.hex = dehex(line, d.hex, hasCounts(line))
	}
	var e envelope
	if err := json.Unmarshal(unmangle(line), &e); err != nil {
		return Message{}, fmt.Errorf("decode bpftrace line: %w", err)
	}
	if e.Type == "" {
		return Message{}, fmt.Errorf("decode bpftrace line: no type")
	}
	m, err := d.message(e)
	if err != nil {
		return Message{}, fmt.Errorf("decode bpftrace %s: %w", e.Type, err)
	}
	return m, nil
}

// hasCounts says whether the line is of a type whose counts the hexadecimal
// mode of the stream reaches. Only the start is looked at: that is where
// bpftrace puts the type.
func hasCounts(line []byte) bool {
	head := line[:min(len(line), 40)]
	for _, t := range []Kind{Hist, Lost, ProbeCount} {
		if bytes.Contains(head, []byte(`"`+string(t)+`"`)) {
			return true
		}
	}
	return false
}

func (d *Decoder) message(e envelope) (Message, error) {
	m := Message{Kind: Kind(e.Type)}
	var err error
	switch m.Kind {
	case ProbeCount:
		m.Count, err = member(e.Data, "probes")
	case Lost:
		m.Count, err = member(e.Data, "events")
	case Value:
		m.Value, err = decodeValue(e.Data)
	case Map, Hist:
		m.Maps, err = d.maps(e.Data, m.Kind)
	case HelperError:
		m.Text = e.Helper + ": " + e.Msg
	case RuntimeError:
		m.Text = e.Msg
	}
	return m, err
}

// member returns the unsigned number called name in the object data.
func member(data []byte, name string) (uint64, error) {
	var object map[string]json.Number
	if err := json.Unmarshal(data, &object); err != nil {
		return 0, err
	}
	n, err := strconv.ParseUint(object[name].String(), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("read %s: %w", name, err)
	}
	return n, nil
}

func decodeValue(data []byte) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, fmt.Errorf("read data: %w", err)
	}
	return v, nil
}
