//go:build vmtest && linux

package connsnoop_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// countAlive counts the sockets of this network namespace that are neither
// listeners nor in TIME_WAIT, which is no socket any more.
func countAlive() (n int, err error) { return countAliveOf("") }

// countAliveOf counts those of which an address ends in suffix, as /proc
// writes them: ":1F90" is port 8080.
func countAliveOf(suffix string) (n int, err error) {
	for _, table := range []string{"tcp", "tcp6"} {
		text, err := os.ReadFile("/proc/net/" + table)
		if err != nil {
			return 0, fmt.Errorf("list sockets: %w", err)
		}
		for line := range strings.Lines(string(text)) {
			fields := strings.Fields(line)
			alive := fields[0] != "sl" && fields[3] != "06" && fields[3] != "0A"
			if alive && (strings.HasSuffix(fields[1], suffix) || strings.HasSuffix(fields[2], suffix)) {
				n++
			}
		}
	}
	return n, nil
}

// retransmitted is how many segments this network namespace has sent again.
func retransmitted() (uint32, error) {
	text, err := os.ReadFile("/proc/net/snmp")
	if err != nil {
		return 0, fmt.Errorf("read counters: %w", err)
	}
	_, rest, _ := strings.Cut(string(text), "\nTcp: ")
	names, rest, _ := strings.Cut(rest, "\nTcp: ")
	values, _, _ := strings.Cut(rest, "\n")
	list := strings.Fields(values)
	for i, name := range strings.Fields(names) {
		if name == "RetransSegs" && i < len(list) {
			n, err := strconv.ParseUint(list[i], 10, 32)
			return uint32(n), err
		}
	}
	return 0, fmt.Errorf("no RetransSegs in %q", text)
}
