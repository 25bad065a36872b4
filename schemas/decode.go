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

	maxDepth         = 64  // nesting of objects and arrays
	maxNumberBytes   = 400 // longer than any number that means something
	maxNumberExp     = 308 // the range of a float64; 1e999999999 costs minutes as a rational
	maxProblemBytes  = 300 // of one message or instance path
	truncationMarker = "..."
)

var errEmpty = errors.New("empty: no JSON value")

// decode reads exactly one JSON value. Numbers stay json.Number, so that
// uint64 values keep every digit.
func decode(data []byte) (any, error) {
	switch {
	case len(bytes.TrimSpace(data)) == 0:
		return nil, errEmpty
	case !utf8.Valid(data):
		return nil, errors.New("not valid UTF-8")
	}
	var raw json.RawMessage
	if err := json.Unmarshal(data, &raw); err != nil {
		return nil, err
	}
	d := decoder{json.NewDecoder(bytes.NewReader(data))}
	d.UseNumber()
	return d.value("", 0)
}

// decoder builds values token by token, because encoding/json lets the last
// of several equal keys win and says nothing. The syntax is known to be good.
type decoder struct{ *json.Decoder }

func (d decoder) value(path string, depth int) (any, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("nested deeper than %d levels", maxDepth)
	}
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch token := token.(type) {
	case json.Delim:
		if token == '{' {
			return d.object(path, depth)
		}
		return d.array(path, depth)
	case json.Number:
		return token, checkNumber(path, string(token))
	}
	return token, nil
}

func (d decoder) object(path string, depth int) (any, error) {
	object := map[string]any{}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return nil, err
		}
		key, _ := token.(string)
		if _, ok := object[key]; ok {
			return nil, fmt.Errorf("key %s twice in the object at %s", quote(key), quote(path))
		}
		if object[key], err = d.value(path+"/"+key, depth+1); err != nil {
			return nil, err
		}
	}
	_, err := d.Token()
	return object, err
}

func (d decoder) array(path string, depth int) (any, error) {
	array := []any{}
	for d.More() {
		item, err := d.value(path+"/"+strconv.Itoa(len(array)), depth+1)
		if err != nil {
			return nil, err
		}
		array = append(array, item)
	}
	_, err := d.Token()
	return array, err
}

func checkNumber(path, number string) error {
	_, exponent, _ := strings.Cut(strings.ToLower(number), "e")
	n, err := strconv.Atoi(exponent)
	if exponent == "" {
		n, err = 0, nil
	}
	if err != nil || n > maxNumberExp || n < -maxNumberExp || len(number) > maxNumberBytes {
		return fmt.Errorf("number out of range at %s: %s", quote(path), quote(number))
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
