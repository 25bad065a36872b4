//go:build vmtest && linux

package connsnoop_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// wire is what the tests read from a conn-event/v1 line.
type wire struct {
	Schema, Type, Direction, Protocol, Family, Comm, State string
	Mapped                                                 bool   `json:"v4_mapped"`
	LocalAddr                                              string `json:"local_addr"`
	LocalPort                                              uint16 `json:"local_port"`
	RemoteAddr                                             string `json:"remote_addr"`
	RemotePort                                             uint16 `json:"remote_port"`
	PID, TID, UID                                          int
	CloserPID                                              int       `json:"closer_pid"`
	Netns                                                  uint64    `json:"netns_inode"`
	Duration                                               int64     `json:"duration_ns"`
	Tx                                                     uint64    `json:"tx_bytes"`
	Rx                                                     uint64    `json:"rx_bytes"`
	Opened                                                 int64     `json:"opened_monotonic_ns"`
	Closed                                                 int64     `json:"closed_monotonic_ns"`
	Offset                                                 int64     `json:"clock_offset_ns"`
	OpenedAt                                               time.Time `json:"opened_at"`
	ClosedAt                                               time.Time `json:"closed_at"`
	Cgroup                                                 struct{ Path string }
}

// tracer is the executable under test, running.
type tracer struct {
	cmd    *exec.Cmd
	output string
	stderr *bufio.Reader
}

// executable is the program under test: ours, or a student's.
func executable(t *testing.T) string {
	path := os.Getenv("VMTEST_BIN")
	require.NotEmpty(t, path, "VMTEST_BIN names the executable under test")
	return path
}

// startTracer runs "trace" and returns once it says that it is ready.
func startTracer(t *testing.T, output string, args ...string) *tracer {
	tr := &tracer{output: filepath.Join(os.Getenv("VMTEST_OUT"), output)}
	args = append([]string{"trace", "--format", "json", "--output", tr.output}, args...)
	tr.cmd = exec.CommandContext(t.Context(), executable(t), args...)
	pipe, err := tr.cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, tr.cmd.Start())
	tr.stderr = bufio.NewReader(pipe)
	line, err := tr.stderr.ReadString('\n')
	require.NoError(t, err, "stderr: %s", line)
	require.Regexp(t, `^ready: [0-9]+ probes attached(, .+)?\n$`, line)
	return tr
}

// interrupt asks the tracer to end, and returns what it wrote.
func (tr *tracer) interrupt(t *testing.T, signal os.Signal) ([]wire, map[string]uint64) {
	require.NoError(t, tr.cmd.Process.Signal(signal))
	return tr.wait(t)
}

// wait checks that the tracer ends with code 0 and a line of statistics.
func (tr *tracer) wait(t *testing.T) ([]wire, map[string]uint64) {
	rest, err := io.ReadAll(tr.stderr)
	require.NoError(t, err)
	require.NoError(t, tr.cmd.Wait(), "stderr: %s", rest)
	t.Logf("%s", rest)
	require.Equal(t, 1, bytes.Count(rest, []byte("\n")), "stderr after ready")
	return readEvents(t, tr.output), parseStats(t, string(rest))
}

func readEvents(t *testing.T, path string) (events []wire) {
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	lines := json.NewDecoder(bytes.NewReader(data))
	for lines.More() {
		var e wire
		require.NoError(t, lines.Decode(&e))
		events = append(events, e)
	}
	return events
}

// parseStats reads the line "stats: name=value ...", the first in text.
func parseStats(t *testing.T, text string) map[string]uint64 {
	line, _, _ := strings.Cut(text, "\n")
	line, found := strings.CutPrefix(line, "stats: ")
	require.True(t, found, "stderr after ready: %q", text)
	stats := map[string]uint64{}
	for field := range strings.FieldsSeq(line) {
		name, value, _ := strings.Cut(field, "=")
		n, err := strconv.ParseUint(value, 10, 64)
		require.NoError(t, err, field)
		stats[name] = n
	}
	return stats
}

// seeded returns random numbers that differ from run to run, and from test to
// test; VMTEST_SEED repeats them.
func seeded(t *testing.T) *rand.Rand {
	seed, err := strconv.ParseUint(os.Getenv("VMTEST_SEED"), 10, 64)
	require.NoError(t, err, "VMTEST_SEED")
	name := bytes.Repeat([]byte(t.Name()), 32)
	return rand.New(rand.NewChaCha8([32]byte(append(fmt.Appendf(nil, "%d ", seed), name...)[:32])))
}

// randomName is a comm: 8 to 15 letters.
func randomName(random *rand.Rand) string {
	name := make([]byte, 8+random.IntN(8))
	for i := range name {
		name[i] = byte('a' + random.IntN(26))
	}
	return string(name)
}
