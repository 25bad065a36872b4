//go:build vmtest && linux

package minicontainer_test

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
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// patience is how long anything may take on an emulated machine.
const patience = time.Minute

// bench is a place to run containers: a shared tmpfs with a rootfs that holds
// the probe. Shared, because on a private mount nothing could leak out.
type bench struct {
	base, rootfs string
	secret       string // path of a file outside the rootfs
	random       *rand.Rand
	uid          uint32 // who runs the executable under test
}

func newBench(t *testing.T, uid uint32) *bench {
	t.Helper()
	seed, err := strconv.ParseUint(os.Getenv("VMTEST_SEED"), 10, 64)
	require.NoError(t, err, "VMTEST_SEED")
	base, err := os.MkdirTemp("", "bench-")
	require.NoError(t, err)
	require.NoError(t, unix.Mount("tmpfs", base, "tmpfs", 0, "mode=0755"))
	require.NoError(t, unix.Mount("", base, "", unix.MS_SHARED, ""))
	t.Cleanup(func() {
		require.NoError(t, unix.Unmount(base, 0), "something still uses the rootfs")
		require.NoError(t, os.Remove(base))
	})
	b := &bench{base: base, secret: filepath.Join(base, "secret"), random: rand.New(rand.NewPCG(seed, 9)), uid: uid}
	require.NoError(t, os.WriteFile(b.secret, []byte("host"), 0o644))
	b.rootfs = b.newRootfs(t, "rootfs")
	require.NoError(t, os.Chown(base, int(uid), int(uid)))
	return b
}

// newRootfs makes a directory with nothing in it but /bin/probe.
func (b *bench) newRootfs(t *testing.T, name string) string {
	t.Helper()
	dir := filepath.Join(b.base, name)
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "bin"), 0o755))
	self, err := os.Executable()
	require.NoError(t, err)
	binary, err := os.ReadFile(self)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "bin/probe"), binary, 0o755))
	require.NoError(t, os.Chown(dir, int(b.uid), int(b.uid)))
	return dir
}

// word returns a random name such as "c3f9a1b2".
func (b *bench) word() string { return fmt.Sprintf("c%07x", b.random.Uint32()>>4) }

// contained is one run of the executable under test.
type contained struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stdout *bufio.Reader
	stderr bytes.Buffer
}

// prepare makes the command line with the probe as the container's command.
func (b *bench) prepare(t *testing.T, mode string, flags ...string) *exec.Cmd {
	t.Helper()
	args := append([]string{"run", "--rootfs", b.rootfs, "--env", probeEnv + "=" + mode}, flags...)
	cmd := exec.Command(executable(t), append(args, "--", "probe")...)
	cmd.Env = append(os.Environ(), "HOST_ONLY=secret")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: b.uid, Gid: b.uid}}
	cmd.ExtraFiles = leakyFiles(t)
	cmd.Stderr = &bytes.Buffer{}
	return cmd
}

// start runs the executable under test with the probe as its command.
func (b *bench) start(t *testing.T, mode string, flags ...string) *contained {
	t.Helper()
	return (&contained{cmd: b.prepare(t, mode, flags...)}).begin(t)
}

// startAs is start by someone else.
func (b *bench) startAs(t *testing.T, mode string, who *syscall.SysProcAttr, flags ...string) *contained {
	t.Helper()
	c := &contained{cmd: b.prepare(t, mode, flags...)}
	c.cmd.SysProcAttr = who
	return c.begin(t)
}

// begin starts what has been prepared.
func (c *contained) begin(t *testing.T) *contained {
	t.Helper()
	c.cmd.Stderr = &c.stderr
	var err error
	c.stdin, err = c.cmd.StdinPipe()
	require.NoError(t, err)
	stdout, err := c.cmd.StdoutPipe()
	require.NoError(t, err)
	c.stdout = bufio.NewReader(stdout)
	// A container that outlives its supervisor holds these pipes open. That
	// is a failure to report, not a reason to wait for ever.
	require.NoError(t, stdout.(*os.File).SetReadDeadline(time.Now().Add(patience)))
	c.cmd.WaitDelay = patience / 3
	require.NoError(t, c.cmd.Start())
	deadline := time.AfterFunc(patience, func() { c.cmd.Process.Kill() })
	t.Cleanup(func() { deadline.Stop(); c.cmd.Process.Kill(); c.stdin.Close() })
	return c
}

func executable(t *testing.T) string {
	path := os.Getenv("VMTEST_BIN")
	require.NotEmpty(t, path, "VMTEST_BIN names the executable under test")
	return path
}

// leakyFiles are descriptors of the host that a careless caller leaves open:
// one that reaches the container is CVE-2024-21626.
func leakyFiles(t *testing.T) []*os.File {
	host, err := os.Open("/")
	require.NoError(t, err)
	t.Cleanup(func() { host.Close() })
	return []*os.File{host, host, host, host, host, host}
}

// line reads one line of the probe.
func (c *contained) line(t *testing.T) string {
	t.Helper()
	line, err := c.stdout.ReadString('\n')
	require.NoError(t, err, "the probe said nothing; stderr: %s", &c.stderr)
	return strings.TrimSpace(line)
}

func (c *contained) story(t *testing.T) story {
	t.Helper()
	var s story
	line := c.line(t)
	require.NoError(t, json.Unmarshal([]byte(line), &s), line)
	return s
}

// end lets the probe go and returns the exit code of the executable.
func (c *contained) end(t *testing.T) int {
	t.Helper()
	c.stdin.Close()
	io.Copy(io.Discard, c.stdout)
	c.cmd.Wait()
	require.True(t, c.cmd.ProcessState.Exited(), "supervisor: %v; stderr: %s", c.cmd.ProcessState, &c.stderr)
	return c.cmd.ProcessState.ExitCode()
}

// find asks the kernel, not the program under test, which process the probe
// is: the descendant that executes the probe's file.
func (c *contained) find(t *testing.T, b *bench) int {
	t.Helper()
	for _, pid := range descendants(c.cmd.Process.Pid) {
		if b.isProbe(pid) {
			return pid
		}
	}
	require.Fail(t, "no process of the probe below the supervisor")
	return 0
}

func (b *bench) isProbe(pid int) bool {
	want, err := os.Stat(filepath.Join(b.rootfs, "bin/probe"))
	if err != nil {
		return false
	}
	have, err := os.Stat(fmt.Sprintf("/proc/%d/exe", pid))
	return err == nil && os.SameFile(want, have)
}

// killProbes ends what a failed test has left.
func (b *bench) killProbes() {
	for _, name := range numeric("/proc") {
		if pid, _ := strconv.Atoi(name); b.isProbe(pid) {
			unix.Kill(pid, unix.SIGKILL)
		}
	}
}
