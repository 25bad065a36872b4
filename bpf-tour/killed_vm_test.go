//go:build vmtest && linux

package bpftour_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestVMKilled kills the executable under test where it can do nothing about
// it, and demands that its bpftrace dies too.
func TestVMKilled(t *testing.T) {
	s := launchTour(t, "readsize", "60s")
	require.Eventually(t, func() bool { return len(tracing(t, s)) > 0 }, 730*time.Second, 200*time.Millisecond, "no bpftrace was started")
	require.NoError(t, s.cmd.Process.Kill())
	require.Error(t, s.cmd.Wait())
	require.Eventually(t, func() bool { return len(s.ours(t)) == 0 }, 30*time.Second, 200*time.Millisecond,
		"bpftrace outlives its runner")
}

// tracing lists the bpftrace processes that do more than tell their version.
func tracing(t *testing.T, s *tour) []int {
	var pids []int
	for _, pid := range s.ours(t) {
		cmdline, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if err == nil && strings.Contains(string(cmdline), "json") {
			pids = append(pids, pid)
		}
	}
	return pids
}
