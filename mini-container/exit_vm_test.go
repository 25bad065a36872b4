//go:build vmtest && linux

package minicontainer_test

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestExitCode(t *testing.T) {
	b := newBench(t, 0)
	report := artifact(t, "exited.json")
	code := 1 + b.random.IntN(125) // 0 is what every other test sees
	c := b.start(t, "exit:"+strconv.Itoa(code), "--report", report)
	require.Equal(t, code, c.end(t), "stderr: %s", &c.stderr)
	require.Empty(t, c.stderr.String())
	r := readReport(t, report)
	require.Equal(t, "exited", r.Outcome)
	require.Equal(t, code, r.ExitCode)
}

func TestKilledCommand(t *testing.T) {
	b := newBench(t, 0)
	report := artifact(t, "killed.json")
	c := b.start(t, "wait", "--report", report)
	c.line(t)
	require.NoError(t, unix.Kill(c.find(t, b), unix.SIGKILL))
	require.Equal(t, 128+9, c.end(t))
	r := readReport(t, report)
	require.Equal(t, "signaled", r.Outcome)
	require.Equal(t, "SIGKILL", r.Signal)
	require.Equal(t, 128+9, r.ExitCode)
}

func TestSignalsAreForwarded(t *testing.T) {
	b := newBench(t, 0)
	c := b.start(t, "signals")
	require.Equal(t, "ready", c.line(t))
	for _, s := range []unix.Signal{
		unix.SIGINT, unix.SIGHUP, unix.SIGQUIT, unix.SIGUSR1, unix.SIGUSR2, unix.SIGWINCH, unix.SIGCONT, unix.SIGTERM,
	} {
		require.NoError(t, c.cmd.Process.Signal(s))
		require.Equal(t, unix.SignalName(s), c.line(t))
	}
	require.Equal(t, 42, c.end(t))
}

// TestRefusals: what cannot work is said before anything is left behind.
func TestRefusals(t *testing.T) {
	b := newBench(t, 0)
	good := b.rootfs
	host := filepath.Join(b.base, "host")
	require.NoError(t, os.Mkdir(host, 0o755))
	before := readText("/proc/self/mountinfo")
	tests := []struct {
		name, rootfs string
		flags        []string
		want         int
	}{
		{"no rootfs", filepath.Join(b.base, "nothing"), nil, 2},
		{"rootfs is a file", b.secret, nil, 2},
		{"proc is a link (CVE-2019-19921)", b.linked(t, "proc", host), nil, 2},
		{"dev is a link (CVE-2026-41579)", b.linked(t, "dev", host), nil, 2},
		{"sys is a link", b.linked(t, "sys", "../host"), nil, 2},
		{"no such working directory", good, []string{"--workdir", "/nowhere"}, 2},
		{"command not in PATH", good, []string{"--env", "PATH=/nowhere"}, 127},
		{"command is a directory", good, []string{"--env", "PATH=/"}, 126},
	}
	require.NoError(t, os.Mkdir(filepath.Join(good, "probe"), 0o755)) // for PATH=/
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b.rootfs = tt.rootfs
			report := artifact(t, "refused.json")
			c := b.start(t, "exit:0", append(tt.flags, "--report", report)...)
			require.Equal(t, tt.want, c.end(t))
			require.NotEmpty(t, c.stderr.String())
			r := readReport(t, report)
			require.Equal(t, "setup-failed", r.Outcome)
			require.Equal(t, tt.want, r.ExitCode)
			require.NotNil(t, r.Error)
			require.Equal(t, before, readText("/proc/self/mountinfo"))
			entries, err := os.ReadDir(host)
			require.NoError(t, err)
			require.Empty(t, entries, "something was created outside the rootfs")
		})
	}
}

// linked is a rootfs in which one directory is a symbolic link to the host.
func (b *bench) linked(t *testing.T, name, target string) string {
	t.Helper()
	dir := filepath.Join(b.base, "linked-"+name)
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "bin"), 0o755))
	require.NoError(t, os.Link(filepath.Join(b.base, "rootfs/bin/probe"), filepath.Join(dir, "bin/probe")))
	require.NoError(t, os.Symlink(target, filepath.Join(dir, name)))
	return dir
}
