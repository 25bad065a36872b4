package main

import (
	"bytes"
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestProgram(t *testing.T) {
	for goarch, machine := range map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64} {
		for _, c := range []code{exitCode, pauseCode} {
			data, err := c.program(goarch)
			require.NoError(t, err)
			file, err := elf.NewFile(bytes.NewReader(data))
			require.NoError(t, err)
			require.Equal(t, machine, file.Machine)
			require.Len(t, file.Progs, 1)
			require.EqualValues(t, len(data), file.Progs[0].Filesz)
			require.EqualValues(t, loadAddress+len(data)-len(c[goarch]), file.Entry)
		}
	}
	_, err := exitCode.program("vax")
	require.ErrorContains(t, err, "no program for vax")
}

func TestProgramRuns(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, c code) string {
		data, err := c.program(runtime.GOARCH)
		require.NoError(t, err)
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, data, 0o755))
		return path
	}
	require.NoError(t, exec.Command(write("true", exitCode)).Run())
	waits := exec.Command(write("pause", pauseCode))
	require.NoError(t, waits.Start())
	ended := make(chan error, 1)
	go func() { ended <- waits.Wait() }()
	select {
	case err := <-ended:
		t.Fatal("it does not wait: ", err)
	case <-time.After(50 * time.Millisecond):
	}
	require.NoError(t, waits.Process.Kill())
	require.EqualError(t, <-ended, "signal: killed")
}
