package schemas

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	// MaxRecordBytes bounds a document and a JSON line.
	MaxRecordBytes = 16 << 20

	maxDepth         = 64      // nesting of objects and arrays
	maxValues        = 1 << 18 // in one record; each may cost an error of some hundred bytes
	maxKeyBytes      = 1 << 10 // a key is part of the path of all values below it
	maxNumberBytes   = 400     // longer than any number that means something
	maxNumberExp     = 308     // the range of a float64; 1e999999999 costs minutes as a rational
	maxProblemBytes  = 300     // of one message or instance path
	truncationMarker = "..."
)

// fault is what decode refuses, with the JSON pointer to it.
type fault struct{ path, message string }

// Error returns the message alone.
func (f *fault) Error() string { return f.message }

// under puts key before the path of a fault on its way up.
func under(key string, err error) error {
	var f *fault
	if errors.As(err, &f) {
		f.path = "/" + key + f.path
	}
	return err
}

// decode reads exactly one JSON value. Numbers stay json.Number, so that
// uint64 values keep every digit.
func decode(data []byte) (any, error) {
	switch {
	case len(bytes.TrimSpace(data)) == 0:
		return nil, errors.New("empty: no JSON value")
	case !utf8.Valid(data):
		return nil, errors.New("not valid UTF-8")
	}
	var raw json.RawMessage
	if err := json.Unmarshal(data, &raw); err != nil {
		return nil, err
	}
	d := &decoder{Decoder: json.NewDecoder(bytes.NewReader(data))}
	d.UseNumber()
	return d.value(0)
}

// decoder builds values token by token, because encoding/json lets the last
// of several equal keys win and says nothing. The syntax is known to be good.
type decoder struct {
	*json.Decoder
	values int
}

func (d *decoder) value(depth int) (any, error) {
	d.values++
	switch {
	case depth > maxDepth:
		return nil, &fault{message: fmt.Sprintf("nested deeper than %d levels", maxDepth)}
	case d.values > maxValues:
		return nil, &fault{message: fmt.Sprintf("more than %d values in one record", maxValues)}
	}
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch token := token.(type) {
	case json.Delim:
		if token == '{' {
			return d.object(depth)
		}
		return d.array(depth)
	case json.Number:
		return token, checkNumber(string(token))
	}
	return token, nil
}

func (d *decoder) object(depth int) (any, error) {
	object := map[string]any{}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return nil, err
		}
		key, _ := token.(string)
		if len(key) > maxKeyBytes {
			return nil, &fault{message: fmt.Sprintf("a key of more than %d bytes", maxKeyBytes)}
		}
		if _, ok := object[key]; ok {
			return nil, &fault{message: "twice in one object: key " + quote(key)}
		}
		if object[key], err = d.value(depth + 1); err != nil {
			return nil, under(key, err)
		}
	}
	_, err := d.Token()
	return object, err
}

func (d *decoder) array(depth int) (any, error) {
	array := []any{}
	for d.More() {
		item, err := d.value(depth + 1)
		if err != nil {
			return nil, under(strconv.Itoa(len(array)), err)
		}
		array = append(array, item)
	}
	_, err := d.Token()
	return array, err
}

func checkNumber(number string) error {
	_, exponent, found := strings.Cut(strings.ToLower(number), "e")
	n, err := 0, error(nil)
	if found {
		n, err = strconv.Atoi(exponent)
	}
	if err != nil || n > maxNumberExp || n < -maxNumberExp || len(number) > maxNumberBytes {
		return &fault{message: "number out of range: " + shorten(number)}
	}
	return nil
}

// quote quotes and shortens text that came with the input, so that a message
// stays readable and carries no control characters.
func quote(s string) string { return strconv.Quote(shorten(s)) }

func shorten(s string) string {
	if len(s) <= maxProblemBytes {
		return s
	}
	cut := maxProblemBytes - len(truncationMarker)
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + truncationMarker
}
