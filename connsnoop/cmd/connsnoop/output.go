package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

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
		return tableWriter(), nil
	}
	return nil, fmt.Errorf("unknown --format %q: json or table", format)
}

func writeJSON(w io.Writer, e connsnoop.Event) error {
	if err := json.NewEncoder(w).Encode(e); err != nil {
		return fmt.Errorf("write event: %w", err)
	}
	return nil
}

const tableRow = "%-12s %7v %-15s %-7s %-27v %-27v %12v %12v %12v\n"

// tableWriter writes columns of fixed width, with a header before the first row.
func tableWriter() writer {
	header := false
	return func(w io.Writer, e connsnoop.Event) error {
		if !header {
			header = true
			if _, err := fmt.Fprintf(w, tableRow, "CLOSED", "PID", "COMM", "DIR", "LOCAL", "REMOTE", "TX_BYTES", "RX_BYTES", "DURATION"); err != nil {
				return fmt.Errorf("write event: %w", err)
			}
		}
		_, err := fmt.Fprintf(w, tableRow, e.Wall(e.Closed).Format("15:04:05.000"), e.Opener.PID, e.Opener.Comm, e.Direction,
			e.Local, e.Remote, e.TxBytes, e.RxBytes, e.Duration().Round(time.Microsecond))
		if err != nil {
			return fmt.Errorf("write event: %w", err)
		}
		return nil
	}
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
