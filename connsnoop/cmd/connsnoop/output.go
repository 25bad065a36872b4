package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"namespaces-cgroups-ebpf/connsnoop"
)

// writer writes one event.
type writer func(io.Writer, connsnoop.Event) error

// newWriter returns the writer of a format; an unknown format is an error.
func newWriter(format string) (writer, error) {
	switch format {
	case "json":
		return writeJSON, nil
	case "table":
		return newTable().write, nil
	}
	return nil, fmt.Errorf("unknown --format %q: json or table", format)
}

func writeJSON(w io.Writer, e connsnoop.Event) error {
	if err := json.NewEncoder(w).Encode(e); err != nil {
		return fmt.Errorf("write event: %w", err)
	}
	return nil
}

// openOutput returns where events go and how to finish with it.
func openOutput(path string, stdout io.Writer) (io.Writer, func() error, error) {
	if path == "" {
		return stdout, func() error { return nil }, nil
	}
	file, err := os.Create(path)
	if err != nil {
		return nil, nil, fmt.Errorf("open output: %w", err)
	}
	return file, file.Close, nil
}
