package bpftour

import (
	"fmt"
	"strings"

	"namespaces-cgroups-ebpf/bpf-tour/internal/bpfjson"
)

// eventRow gives the values of one printed tuple their names and types.
func eventRow(columns []Column, v any) (map[string]any, error) {
	values, ok := v.([]any)
	if !ok || len(values) != len(columns) {
		return nil, fmt.Errorf("read event: want a tuple of %d values", len(columns))
	}
	row := make(map[string]any, len(columns))
	for i, c := range columns {
		value, err := typed(c.Type, values[i])
		if err != nil {
			return nil, fmt.Errorf("read event: column %s: %w", c.Name, err)
		}
		if list, ok := value.([]string); ok {
			value = meant(list, row[columns[i-1].Name])
		}
		row[c.Name] = value
	}
	return row, nil
}

// meant cuts the unused end off a tuple of texts.
func meant(list []string, count any) []string {
	n, ok := count.(uint64)
	if ok && n < uint64(len(list)) {
		return list[:n]
	}
	return list
}

func typed(t Type, v any) (any, error) {
	switch t {
	case Int:
		return bpfjson.Int64(v)
	case Uint:
		return bpfjson.Uint64(v)
	case String:
		if s, ok := v.(string); ok {
			return s, nil
		}
	case Strings:
		return texts(v)
	}
	return nil, fmt.Errorf("want %s, got %T", t, v)
}

func texts(v any) ([]string, error) {
	values, ok := v.([]any)
	if !ok {
		return nil, fmt.Errorf("want a tuple of texts, got %T", v)
	}
	list := make([]string, len(values))
	for i, v := range values {
		if list[i], ok = v.(string); !ok {
			return nil, fmt.Errorf("want text, got %T", v)
		}
	}
	return list, nil
}

// histogramKey splits a key that bpftrace has joined by commas. All parts but
// the last are numbers, so a comma in the last one does no harm.
func histogramKey(columns []Column, e bpfjson.Entry) (map[string]any, error) {
	if e.Keyed != (len(columns) > 0) {
		return nil, fmt.Errorf("read key %q: want %d parts", e.Key, len(columns))
	}
	key := map[string]any{}
	if !e.Keyed {
		return key, nil
	}
	parts := strings.SplitN(e.Key, ",", len(columns))
	if len(parts) != len(columns) {
		return nil, fmt.Errorf("read key %q: want %d parts", e.Key, len(columns))
	}
	for i, c := range columns {
		value, err := typed(c.Type, parts[i])
		if err != nil {
			return nil, fmt.Errorf("read key %q: %w", e.Key, err)
		}
		key[c.Name] = value
	}
	return key, nil
}

func bucketRow(unit string, b bpfjson.Bucket) map[string]any {
	row := map[string]any{"sample_count": b.Count}
	if b.Min != nil {
		row["min_"+unit] = *b.Min
	}
	if b.Max != nil {
		row["max_"+unit] = *b.Max
	}
	return row
}
