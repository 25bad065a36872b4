//go:build vmtest && linux

package connsnoop_test

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestOutputEnds: a reader that goes away ends the tracer without a word, a
// full disk with one.
func TestOutputEnds(t *testing.T) {
	t.Run("broken pipe", func(t *testing.T) {
		read, write, err := os.Pipe()
		require.NoError(t, err)
		cmd := exec.CommandContext(t.Context(), executable(t), "trace", "--no-seed")
		cmd.Stdout = write
		stderr := startReady(t, cmd)
		require.NoError(t, write.Close())
		require.NoError(t, read.Close())
		connectAndClose(t, "tcp4")
		rest, err := io.ReadAll(stderr)
		require.NoError(t, err)
		require.Empty(t, string(rest))
		require.NoError(t, cmd.Wait())
	})
	t.Run("full disk", func(t *testing.T) {
		cmd := exec.CommandContext(t.Context(), executable(t), "trace", "--no-seed", "--output", "/dev/full")
		stderr := startReady(t, cmd)
		connectAndClose(t, "tcp4")
		rest, err := io.ReadAll(stderr)
		require.NoError(t, err)
		require.Regexp(t, `^stats: .+\nconnsnoop: write event: write /dev/full: no space left on device\n$`, string(rest))
		require.Error(t, cmd.Wait())
		require.Equal(t, 1, cmd.ProcessState.ExitCode())
	})
}

// startReady starts a tracer and waits until it is ready.
func startReady(t *testing.T, cmd *exec.Cmd) *bufio.Reader {
	pipe, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	stderr := bufio.NewReader(pipe)
	line, err := stderr.ReadString('\n')
	require.NoError(t, err)
	require.Contains(t, line, "ready: ")
	return stderr
}
