//go:build selftest && linux

package selftest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/schemas"
	"namespaces-cgroups-ebpf/vmtest"
)

// execRun is one finished vmtest exec.
type execRun struct {
	stdout, stderr string
	code           int
}

// execCommand is vmtest exec, to be run in dir.
func execCommand(t *testing.T, dir string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program(), append([]string{"exec"}, args...)...)
	cmd.Dir, cmd.WaitDelay = dir, 20*time.Second
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	return cmd
}

func finish(t *testing.T, cmd *exec.Cmd) execRun {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	return execRun{code: codeOf(t, cmd.Run()), stdout: stdout.String(), stderr: stderr.String()}
}

func codeOf(t *testing.T, err error) int {
	t.Helper()
	var exit *exec.ExitError
	if err == nil {
		return 0
	}
	require.ErrorAs(t, err, &exit)
	return exit.ExitCode()
}

// result reads the document that exec printed on standard output.
func (r execRun) result(t *testing.T) vmtest.ExecReport {
	t.Helper()
	require.Empty(t, schemas.Validate(vmtest.ExecSchema, []byte(r.stdout)), r.stdout+r.stderr)
	var report vmtest.ExecReport
	require.NoError(t, json.Unmarshal([]byte(r.stdout), &report))
	require.Equal(t, r.code, report.ExitCode)
	return report
}

// TestExecOnTwoKernels: outputs apart and in order, the input for each, a mount
// that the host does not see written, files back, the first code that is not 0.
func TestExecOnTwoKernels(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(dir+"/src/sub", 0o755))
	require.NoError(t, os.WriteFile(dir+"/src/sub/file", []byte("of the host\n"), 0o640))
	require.NoError(t, os.Symlink("sub/file", dir+"/src/link"))
	kernels := twoSeries()
	args := []string{"--jobs", "2", "--mount", ".", "--mount", "sub/file:/opt/new/name", "--env", "KEY=value of mine",
		"--get", "/tmp/results:" + dir + "/got", "--out", dir + "/out"}
	for _, k := range kernels {
		args = append(args, "--kernel", k)
	}
	cmd := execCommand(t, dir+"/src", append(args, "--", "sh", "-c", `
		pwd; cat link /opt/new/name; cat; echo "$KEY"; stat -c '%a %u' sub/file; uname -r >&2
		echo changed >link; echo x >/payload/x; mkdir -p /tmp/results/d; uname -r >/tmp/results/d/release
		case $(uname -r) in `+kernels[0]+`*) exit 0;; esac; exit 7`)...)
	cmd.Stdin = strings.NewReader("input\n")
	run := finish(t, cmd)
	one := dir + "/src\nof the host\nof the host\ninput\nvalue of mine\n640 0\n"
	require.Equal(t, strings.Repeat(one, len(kernels)), run.stdout, run.stderr)
	require.Equal(t, 7, run.code)
	at := 0
	for _, k := range kernels {
		begin := strings.Index(run.stderr, "vmtest: "+k+": "+k)
		require.GreaterOrEqual(t, begin, at, run.stderr)
		at = begin
		release, err := os.ReadFile(filepath.Join(dir, "got", k, "d", "release"))
		require.NoError(t, err)
		require.Contains(t, run.stderr, "\n"+string(release))
		stdout, err := os.ReadFile(filepath.Join(dir, "out", k, "stdout.log"))
		require.NoError(t, err)
		require.Equal(t, one, string(stdout))
		require.FileExists(t, filepath.Join(dir, "out", k, "console.log"))
	}
	require.Contains(t, run.stderr, "Read-only file system")
	content, err := os.ReadFile(dir + "/src/sub/file")
	require.NoError(t, err)
	require.Equal(t, "of the host\n", string(content))
}

// TestExecEndings: how a command ends is told apart.
func TestExecEndings(t *testing.T) {
	kernel := series()[len(series())-1]
	t.Run("panic", func(t *testing.T) {
		run := finish(t, execCommand(t, t.TempDir(), "--json", "--kernel", kernel, "--", "sh", "-c", "echo c >/proc/sysrq-trigger"))
		require.Equal(t, 1, run.code, run.stderr)
		result := run.result(t).Results[0]
		require.EqualValues(t, "panic", result.Outcome)
		require.Nil(t, result.ExitCode)
		require.Contains(t, result.Reason, "sysrq triggered crash")
		require.Contains(t, run.stderr, "the last of the console:")
	})
	t.Run("timeout", func(t *testing.T) {
		run := finish(t, execCommand(t, t.TempDir(), "--json", "--kernel", kernel, "--timeout", "1s", "--",
			"sh", "-c", "trap 'echo asked' QUIT; echo out; while :; do sleep 0.1; done"))
		require.Equal(t, 124, run.code, run.stderr)
		result := run.result(t).Results[0]
		require.EqualValues(t, "timeout", result.Outcome)
		require.Equal(t, 9, result.Signal)
		require.Contains(t, run.stderr, "out\n", "with --json, standard output is the document's")
		require.Contains(t, run.stderr, "asked\n")
	})
	t.Run("killed by a signal, as a user", func(t *testing.T) {
		run := finish(t, execCommand(t, t.TempDir(), "--kernel", kernel, "--user", "1000:100", "--", "sh", "-c", "id -u; id -g; kill -SEGV $$"))
		require.Equal(t, 128+11, run.code)
		require.Equal(t, "1000\n100\n", run.stdout)
		require.Empty(t, run.stderr, "one kernel's command speaks for itself")
	})
}

// TestExecSplats: what the kernel complains of is the command's, though that
// ends well, or not at all.
func TestExecSplats(t *testing.T) {
	kernel, dir := lastSeries(), t.TempDir()
	buildFaults(t, dir+"/faults")
	tests := []struct {
		fault string
		code  int    // of the command
		want  string // what each complaint begins with, in their order
	}{
		{"warn", 0, `kernel WARN: WARNING: .* veth_init`},
		{"bug", 3, `kernel BUG: kernel BUG at \S+!, kernel oops: `},
		{"hung-task", 0, `hung task: INFO: task faults?:\d+ blocked for more than \d+ seconds`},
	}
	for _, tt := range tests {
		t.Run(tt.fault, func(t *testing.T) {
			run := finish(t, execCommand(t, dir, "--json", "--kernel", kernel, "--out", dir+"/"+tt.fault, "--", "./faults", tt.fault))
			result := run.result(t).Results[0]
			t.Log(result.Splats)
			require.EqualValues(t, "splat", result.Outcome, run.stderr)
			require.Equal(t, result.Splats[0], result.Reason)
			require.Regexp(t, "^"+tt.want, strings.Join(result.Splats, ", "))
			require.Equal(t, tt.code, *result.ExitCode)
			require.Equal(t, max(1, tt.code), run.code, "never green")
			log, err := os.ReadFile(filepath.Join(dir, tt.fault, kernel, "kmsg.log"))
			require.NoError(t, err)
			_, line, _ := strings.Cut(result.Splats[0], ": ")
			require.Contains(t, string(log), line)
		})
	}
}

// TestExecSignals: the first SIGINT is the command's; the second ends the VM,
// and nothing is left of it.
func TestExecSignals(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	cmd := execCommand(t, t.TempDir(), "--kernel", series()[0], "--", "sh", "-c", "trap 'echo caught' INT; echo ready; while :; do sleep 0.1; done")
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	require.NoError(t, cmd.Start())
	lines := bufio.NewReader(stdout)
	for _, want := range []string{"ready\n", "caught\n"} {
		line, err := lines.ReadString('\n') // live: the command goes on
		require.NoError(t, err, stderr.String())
		require.Equal(t, want, line)
		require.NoError(t, cmd.Process.Signal(os.Interrupt))
	}
	_, err = io.Copy(io.Discard, lines)
	require.NoError(t, err)
	require.Equal(t, 128, codeOf(t, cmd.Wait()))
	require.Contains(t, stderr.String(), "interrupted")
	left, err := os.ReadDir(os.Getenv("TMPDIR"))
	require.NoError(t, err)
	require.Empty(t, left)
	require.Empty(t, qemus(t, os.Getenv("TMPDIR")))
}

// TestExecPrograms: a static program of the host runs at its own path; one that
// the guest lacks the parts for is refused before anything boots.
func TestExecPrograms(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(dir+"/script", []byte("#!/opt/none/python\n"), 0o755))
	run := finish(t, execCommand(t, dir, "--kernel", series()[0], "--", "./script"))
	require.Equal(t, 2, run.code)
	require.Contains(t, run.stderr, "a script for /opt/none/python, which the guest does not have")

	run = finish(t, execCommand(t, dir, "--kernel", series()[0], "--", "/nonexistent/program"))
	require.Equal(t, 2, run.code)
	require.Contains(t, run.stderr, "neither the guest nor this host has it")

	run = finish(t, execCommand(t, dir, "--kernel", series()[0], "--", program(), "--version"))
	require.Equal(t, 0, run.code, run.stderr)
	require.Contains(t, run.stdout, "vmtest version")
}

// TestBootInGoTest is what a user's own test looks like; start has t.Cleanup
// close the VM.
func TestBootInGoTest(t *testing.T) {
	vm := start(t, vmtest.Config{Kernel: series()[0]})
	out, err := vm.Command("sh", "-c", "echo out; echo err >&2; exit 5").CombinedOutput()
	var exit *vmtest.ExitError
	require.True(t, errors.As(err, &exit))
	require.Equal(t, 5, exit.ExitCode())
	require.ElementsMatch(t, []string{"out", "err"}, strings.Fields(string(out)))

	cmd := vm.Command("sh", "-c", "tty; stty size; read line; stty size; echo $line")
	cmd.TTY, cmd.Rows, cmd.Cols = true, 30, 90
	input, w := io.Pipe()
	var shown bytes.Buffer
	cmd.Stdin, cmd.Stdout = input, &shown
	require.NoError(t, cmd.Start())
	require.NoError(t, cmd.Resize(31, 91))
	_, err = w.Write([]byte("typed\n"))
	require.NoError(t, err)
	require.NoError(t, cmd.Wait())
	require.NoError(t, w.Close())
	require.Contains(t, shown.String(), "/dev/pts/")
	require.Contains(t, shown.String(), "31 91\r\ntyped\r\n")
}
