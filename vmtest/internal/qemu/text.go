package qemu

import (
	"bytes"
)

// lastLine returns the last line of b that is not blank.
func lastLine(b []byte) string {
	lines := bytes.Split(bytes.TrimSpace(b), []byte("\n"))
	return string(bytes.TrimSpace(lines[len(lines)-1]))
}
