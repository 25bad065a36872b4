//go:build vmtest && linux

package bpftour_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/schemas"
)

// The tests in the VM run the executable under test as a black box and
// compare its output with a workload of their own. What they decode is the
// documented JSON, not this package's types.

type vmResult struct {
	Complete   bool             `json:"complete"`
	Incomplete []string         `json:"incomplete_reasons"`
	Lost       int64            `json:"lost_count"`
	Empty      bool             `json:"empty"`
	EndedBy    string           `json:"ended_by"`
	DurationNS int64            `json:"duration_ns"`
	StartedAt  time.Time        `json:"started_at"`
	Kernel     string           `json:"kernel"`
	Events     []map[string]any `json:"events"`
	Histograms []vmHistogram    `json:"histograms"`
}

type vmHistogram struct {
	Name        string             `json:"name"`
	Key         map[string]any     `json:"key"`
	SampleCount int64              `json:"sample_count"`
	Buckets     []map[string]int64 `json:"buckets"`
}

// tour is a running executable under test.
type tour struct {
	cmd    *exec.Cmd
	output string
	lines  chan string
	before []int // bpftrace processes that are not ours
}

// startTour starts a recipe and returns once the probes are attached.
func startTour(t *testing.T, recipe, duration string) *tour {
	t.Helper()
	s := launchTour(t, recipe, duration)
	deadline := time.After(100 * time.Second)
	for {
		select {
		case line, ok := <-s.lines:
			if !ok {
				t.Fatalf("%s ended before it was ready: %v", recipe, s.cmd.Wait())
			}
			var n int
			if _, err := fmt.Sscanf(line, "ready: %d probes attached", &n); err == nil {
				require.Positive(t, n, "probes in %q", line)
				return s
			}
			t.Log(line)
		case <-deadline:
			t.Fatalf("%s is not ready after 100 s", recipe)
		}
	}
}

func launchTour(t *testing.T, recipe, duration string) *tour {
	t.Helper()
	s := &tour{output: filepath.Join(os.Getenv("VMTEST_OUT"), recipe+".json"), lines: make(chan string, 100), before: bpftraces(t)}
	s.cmd = exec.Command(os.Getenv("VMTEST_BIN"), "run", recipe, "--duration", duration, "--output", s.output)
	stderr, err := s.cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, s.cmd.Start())
	t.Cleanup(func() { _ = s.cmd.Process.Kill() })
	go func() {
		scanner := bufio.NewScanner(stderr)
		for scanner.Scan() {
			s.lines <- scanner.Text()
		}
		close(s.lines)
	}()
	return s
}

// stop ends the time box early and returns the result.
func (s *tour) stop(t *testing.T) vmResult {
	t.Helper()
	require.NoError(t, s.cmd.Process.Signal(os.Interrupt))
	r := s.wait(t)
	require.Equal(t, "stop", r.EndedBy)
	return r
}

// wait waits for the end and holds the result to what is true of every
// recipe that had a workload.
func (s *tour) wait(t *testing.T) vmResult {
	t.Helper()
	for line := range s.lines {
		t.Log(line)
	}
	exit := s.cmd.Wait()
	data, err := os.ReadFile(s.output)
	require.NoError(t, err)
	require.Empty(t, schemas.Validate("recipe-result/v1", data))
	var r vmResult
	require.NoError(t, json.Unmarshal(data, &r))
	if len(r.Histograms) > 0 && r.Lost > 0 && r.Lost <= 3 {
		// Two CPUs may make a map key at once, and bpftrace then loses a
		// sample. That is said, not hidden: exit status 3.
		require.EqualError(t, exit, "exit status 3")
		require.Equal(t, []string{"lost_events"}, r.Incomplete)
	} else {
		require.NoError(t, exit)
		require.True(t, r.Complete, "incomplete: %v", r.Incomplete)
	}
	require.False(t, r.Empty, "the recipe saw nothing of its workload")
	var uts syscall.Utsname
	require.NoError(t, syscall.Uname(&uts))
	require.Equal(t, charsToString(uts.Release[:]), r.Kernel)
	require.Empty(t, s.ours(t), "bpftrace processes left")
	return r
}

// ours lists the bpftrace processes that were not there before.
func (s *tour) ours(t *testing.T) []int {
	return slices.DeleteFunc(bpftraces(t), func(pid int) bool { return slices.Contains(s.before, pid) })
}

// bpftraces lists the live processes called bpftrace.
func bpftraces(t *testing.T) []int {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	require.NoError(t, err)
	var pids []int
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil || !strings.Contains(string(data), "(bpftrace) ") || strings.Contains(string(data), ") Z ") {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		require.NoError(t, err)
		pids = append(pids, pid)
	}
	return pids
}

// seeded returns the source of all random inputs of a test.
func seeded(t *testing.T) *rand.Rand {
	t.Helper()
	seed, err := strconv.ParseUint(os.Getenv("VMTEST_SEED"), 10, 64)
	require.NoError(t, err, "VMTEST_SEED")
	return rand.New(rand.NewPCG(seed, 11))
}

// nasty is a random text with what bpftrace's JSON is known to get wrong.
func nasty(r *rand.Rand, length int) string {
	alphabet := []string{"a", "b", "z", "0", "9", " ", ",", "\"", "\\", "é", "\t", "(", ")", "'", "="}
	var b strings.Builder
	for b.Len() < length-1 {
		b.WriteString(alphabet[r.IntN(len(alphabet))])
	}
	return b.String()
}

// mine keeps the events of a process, ordered by time: bpftrace may deliver
// events of different CPUs out of order.
func mine(events []map[string]any, pid int) []map[string]any {
	var out []map[string]any
	for _, e := range events {
		if e["pid"] == float64(pid) {
			out = append(out, e)
		}
	}
	slices.SortStableFunc(out, func(a, b map[string]any) int {
		return int(a["time_ns"].(float64) - b["time_ns"].(float64))
	})
	return out
}

func charsToString(chars []int8) string {
	var b strings.Builder
	for _, c := range chars {
		if c == 0 {
			break
		}
		b.WriteByte(byte(c))
	}
	return b.String()
}
