package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"namespaces-cgroups-ebpf/schemas"
)

// detectBytes is how far into an input its kind is looked for.
const detectBytes = 64 << 10

// validate validates one file, or standard input for "-".
func (v *validator) validate(file string) (schemas.Report, error) {
	input, name := v.stdin, "-"
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return schemas.Report{}, err
		}
		defer f.Close()
		input, name = f, filepath.Base(file)
	}
	buffered := bufio.NewReaderSize(input, detectBytes)
	check := schemas.ValidateDocument
	if isLines(name, buffered) {
		check = schemas.ValidateLines
	}
	report, err := check(v.schema, buffered)
	if err != nil {
		return report, fmt.Errorf("validate %s: %w", file, err)
	}
	report.Document = name
	return report, nil
}

// isLines tells JSON lines from a document, by name where the name says it.
// A line longer than detectBytes is taken for a document of one line.
func isLines(name string, r *bufio.Reader) bool {
	switch filepath.Ext(name) {
	case ".json":
		return false
	case ".jsonl", ".ndjson":
		return true
	}
	head, _ := r.Peek(detectBytes)
	first, rest, found := bytes.Cut(head, []byte("\n"))
	return found && json.Valid(first) && len(bytes.TrimSpace(rest)) > 0
}
