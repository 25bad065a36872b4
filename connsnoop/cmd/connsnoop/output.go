package main

import (
	"bufio"
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

// output is where events go: what was written to it is there after Flush.
type output struct {
	*bufio.Writer
	file *os.File // to close
}

// openOutput returns a new file, or stdout if path is empty.
func openOutput(path string, stdout io.Writer) (*output, error) {
	if path == "" {
		return &output{Writer: bufio.NewWriter(stdout)}, nil
	}
	file, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("open output: %w", err)
	}
	return &output{bufio.NewWriter(file), file}, nil
}

// Flush writes out what is buffered.
func (o *output) Flush() error {
	if err := o.Writer.Flush(); err != nil {
		return fmt.Errorf("write event: %w", err)
	}
	return nil
}

// close ends the output after err happened. The first error is the one that
// counts: those after it say the same.
func (o *output) close(err error) error {
	if err == nil {
		err = o.Flush()
	}
	if o.file == nil {
		return err
	}
	if closed := o.file.Close(); err == nil && closed != nil {
		err = fmt.Errorf("close output: %w", closed)
	}
	return err
}
