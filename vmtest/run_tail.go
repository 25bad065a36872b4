package vmtest

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"unicode"

	"namespaces-cgroups-ebpf/vmtest/internal/plan"
	"namespaces-cgroups-ebpf/vmtest/internal/verdict"
)

// Bounds of the tails in a report: enough to see why, the logs hold the rest.
const (
	maxStdoutTail  = 28
	maxStderrTail  = 12
	maxConsoleTail = 50
	maxTailLine    = 200
	tailWindow     = 64 << 10 // of a log that is looked at
)

// outputTail is the end of what a test wrote. Of Go tests, those that failed
// come first: their output may be far from the end.
func (r *cellRun) outputTail(run verdict.Run) []string {
	var lines []string
	if r.entry.Result == plan.ResultGoTest {
		lines = tailLines([]byte(strings.Join(verdict.FailedOutput(run.Stdout), "\n")), maxStdoutTail)
	}
	if len(lines) == 0 {
		lines = tailLines(readEnd(r.dir, "stdout.log"), maxStdoutTail)
	}
	return append(lines, tailLines(readEnd(r.dir, "stderr.log"), maxStderrTail)...)
}

// readEnd reads the end of a log, as far as it is there.
func readEnd(dir, name string) []byte {
	f, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		return nil
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil
	}
	from := max(0, info.Size()-tailWindow)
	data := make([]byte, info.Size()-from)
	n, err := f.ReadAt(data, from)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil
	}
	return data[:n]
}

// tailLines returns the last lines with something on them, as text that is
// harmless on a terminal and in a report.
func tailLines(text []byte, count int) []string {
	var lines []string
	for line := range bytes.Lines(text[max(0, len(text)-tailWindow):]) {
		if clean := printable(string(line)); clean != "" {
			lines = append(lines, clean)
		}
	}
	return lines[max(0, len(lines)-count):]
}

// printable keeps a line's indentation, and cuts what is too long.
func printable(line string) string {
	clean := strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return ' '
		case !unicode.IsPrint(r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(line, "?"))
	if len(clean) > maxTailLine {
		clean = strings.ToValidUTF8(clean[:maxTailLine], "") + " ..."
	}
	return strings.TrimRight(clean, " ")
}
