//go:build selftest && linux

package selftest

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestInterruptedBench: Ctrl-C while a benchmark's VM boots, ours or that of
// virtme-ng, leaves no process and no file.
func TestInterruptedBench(t *testing.T) {
	bench := filepath.Join(t.TempDir(), "bench")
	out, err := exec.Command("go", "build", "-o", bench, "../cmd/bench").CombinedOutput()
	require.NoError(t, err, "%s", out)
	for name, machine := range map[string]string{"ours": "vmtest.0", "virtme-ng": "virtme.stdout"} {
		t.Run(name, func(t *testing.T) {
			temp := t.TempDir()
			var said bytes.Buffer
			cmd := exec.Command(bench, "--init", guestInit(), "--kernels", "6.12", "--memory", "1024", "-n", "1")
			cmd.Env = append(os.Environ(), "TMPDIR="+temp)
			cmd.Stdout, cmd.Stderr = &said, &said
			cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
			require.NoError(t, cmd.Start())
			ended := make(chan error, 1)
			go func() { ended <- cmd.Wait() }()
			t.Cleanup(func() { _ = cmd.Process.Kill() })
			boots := func() bool { return runs(session(t, cmd.Process.Pid), "qemu-system", machine) }
			require.Eventually(t, boots, patience, 10*time.Millisecond)
			require.NoError(t, cmd.Process.Signal(syscall.SIGINT))
			select {
			case <-ended:
			case <-time.After(patience):
				require.Fail(t, "goes on")
			}
			require.Equal(t, 3, cmd.ProcessState.ExitCode(), said.String())
			// The kernel ends those in a PID namespace, which takes a moment.
			require.Eventually(t, func() bool { return len(session(t, cmd.Process.Pid)) == 0 }, patience, 10*time.Millisecond)
			require.Empty(t, left(t, temp))
		})
	}
}

// session are the command lines of the processes of a session that still run.
func session(t *testing.T, leader int) (lines []string) {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	require.NoError(t, err)
	for _, path := range stats {
		stat, err := os.ReadFile(path)
		if err != nil {
			continue // it has just ended
		}
		// Behind the name: state, parent, process group, session.
		fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		if fields[3] == strconv.Itoa(leader) && fields[0] != "Z" {
			line, _ := os.ReadFile(filepath.Join(filepath.Dir(path), "cmdline"))
			lines = append(lines, string(line))
		}
	}
	return lines
}

// runs tells whether one of the command lines holds all of the words.
func runs(lines []string, words ...string) bool {
	for _, line := range lines {
		all := true
		for _, word := range words {
			all = all && strings.Contains(line, word)
		}
		if all {
			return true
		}
	}
	return false
}
