//go:build linux

package vmtest

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestBareInit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "init")
	require.NoError(t, os.WriteFile(path, bareInit(), 0o755))
	cmd := exec.Command(path)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, bareGreeting, line)
	require.NoError(t, cmd.Process.Kill(), "it waits for ever")
	require.EqualError(t, cmd.Wait(), "signal: killed")
}
