package bpftour

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"namespaces-cgroups-ebpf/schemas"
)

// DecodeResult reads a recipe-result/v1 document, which must be valid.
// Numbers keep all their digits: they arrive as json.Number.
func DecodeResult(data []byte) (*Result, error) {
	if problems := schemas.Validate(SchemaName, data); len(problems) > 0 {
		return nil, fmt.Errorf("validate %s: %s", SchemaName, problems[0])
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var r Result
	if err := dec.Decode(&r); err != nil {
		return nil, fmt.Errorf("decode %s: %w", SchemaName, err)
	}
	return &r, nil
}

// samples returns a bucket's count, be it fresh or read back from JSON.
func samples(bucket map[string]any) uint64 {
	n, err := strconv.ParseUint(fmt.Sprint(bucket["sample_count"]), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

func sortedKeys(m map[string]any) []string { return slices.Sorted(maps.Keys(m)) }
