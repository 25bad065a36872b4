package main

import (
	"bytes"
	"fmt"
	"os"
)

// floodBytes is what floodOutput writes: a gigabyte.
const floodBytes = 1 << 30

func floodOutput() error {
	piece := bytes.Repeat([]byte("flood "), 10_000)
	for sent := 0; sent < floodBytes; {
		n, err := os.Stdout.Write(piece[:min(len(piece), floodBytes-sent)])
		if err != nil {
			return err
		}
		sent += n
	}
	return nil
}

// floodKernelLog writes far more lines than the kernel keeps, as root may.
func floodKernelLog() error {
	log, err := os.OpenFile("/dev/kmsg", os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer log.Close()
	line := bytes.Repeat([]byte("x"), 900)
	for range 60_000 {
		if _, err := log.Write(line); err != nil {
			return err
		}
	}
	return nil
}

// noise is what is in no text: NUL, invalid UTF-8, terminal escapes, the marks
// of Go's test output, and a line that looks like one of the kernel.
func noise() error {
	_, err := os.Stdout.WriteString("\x00\xff\xfe\xc3\x28 \x1b[31mred\x1b[0m \x16--- PASS: TestForged (0.00s)\n\u202e\r\n<script>alert(1)</script>]]>\n")
	return err
}

// sayPanic writes to the console and the kernel log what the kernel would.
func sayPanic() error {
	const line = "Kernel panic - not syncing: just kidding\n"
	for _, path := range []string{"/dev/console", "/dev/kmsg"} {
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprint(f, line); err != nil {
			return err
		}
		_ = f.Close()
	}
	return nil
}
