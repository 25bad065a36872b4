//go:build vmtest && linux

package minicontainer_test

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

const hierarchy = "/sys/fs/cgroup"

// probeMore is what the probe does for the tests of cgroup and network.
func probeMore(verb, argument string) int {
	switch verb {
	case "eat": // touch memory until somebody minds
		for {
			page := make([]byte, 1<<20)
			for i := range page {
				page[i] = 1
			}
			eaten = append(eaten, page)
		}
	case "spin": // use a processor for ever
		fmt.Println("ready")
		for {
			eaten = eaten[:0]
		}
	case "tty": // tell what the terminal is like
		return tty()
	case "signals-tty": // name the first signal
		arrived := make(chan os.Signal, 1)
		signal.Notify(arrived, unix.SIGINT)
		fmt.Println("ready")
		<-arrived
		fmt.Println("SIGINT")
		return 42
	case "count": // end at SIGTERM, and say so
		return untilTerminated()
	case "stay-deaf": // ignore SIGTERM
		signal.Ignore(unix.SIGTERM)
		return probe("stay")
	case "talk": // say so many bytes, in lines, and that this is the end
		n, _ := strconv.Atoi(argument)
		lines := strings.Repeat(strings.Repeat("x", 1023)+"\n", 64)
		for ; n > 0; n -= len(lines) {
			fmt.Print(lines)
		}
		fmt.Println("end")
		return 0
	case "listen": // greet whoever comes with what their address is
		return listen(argument)
	case "dial": // tell what a listener said
		return dial(argument)
	}
	return 99
}

var eaten [][]byte

func untilTerminated() int {
	arrived := make(chan os.Signal, 1)
	signal.Notify(arrived, unix.SIGTERM)
	fmt.Println("ready")
	<-arrived
	fmt.Println("end")
	return 5
}

func listen(address string) int {
	l, err := net.Listen("tcp", address)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println("ready")
	greet(l)
	return 1
}

func dial(address string) int {
	said, err := dialed(address)
	if err != nil {
		said = err.Error()
	}
	fmt.Println(said)
	return 0
}

// dialed is what the listener at an address says of who called.
func dialed(address string) (string, error) {
	c, err := net.DialTimeout("tcp", address, 10*time.Second)
	if err != nil {
		return "", err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(10 * time.Second))
	answer := make([]byte, 64)
	n, err := c.Read(answer)
	return strings.TrimSpace(string(answer[:n])), err
}

// command runs one of the other commands; want is its exit code.
func (b *bench) command(t *testing.T, want int, args ...string) string {
	t.Helper()
	cmd := exec.Command(executable(t), args...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, _ := cmd.Output()
	require.Equal(t, want, cmd.ProcessState.ExitCode(), "%v: %s%s", args, out, &stderr)
	return string(out) + stderr.String()
}

// commandJSON runs a command and keeps its document for the harness to judge.
func (b *bench) commandJSON(t *testing.T, file string, into any, args ...string) {
	t.Helper()
	text := b.command(t, 0, append(args, "--json")...)
	require.NoError(t, os.WriteFile(artifact(t, file), []byte(text), 0o644))
	require.NoError(t, json.Unmarshal([]byte(text), into))
}

// cgroupOf asks the kernel where a process is.
func cgroupOf(t *testing.T, pid int) string {
	t.Helper()
	text := readText(filepath.Join("/proc", strconv.Itoa(pid), "cgroup"))
	path, found := strings.CutPrefix(strings.TrimSpace(text), "0::")
	require.True(t, found, text)
	return path
}

func cgroupFile(path, file string) string {
	return strings.TrimSpace(readText(filepath.Join(hierarchy, path, file)))
}

// keyed reads one line "KEY VALUE" of a file.
func keyed(path, key string) int {
	for _, line := range readLines(path) {
		if k, value, _ := strings.Cut(line, " "); k == key {
			n, _ := strconv.Atoi(value)
			return n
		}
	}
	return -1
}

// eventually waits for what the kernel does on its own time.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(20 * time.Millisecond) {
		require.True(t, time.Now().Before(end), what)
	}
}

func gone(path string) func() bool {
	return func() bool {
		_, err := os.Lstat(path)
		return os.IsNotExist(err)
	}
}

// holder is a process of ours in a cgroup of ours.
func holder(t *testing.T, path string) int {
	t.Helper()
	dir := filepath.Join(hierarchy, path)
	require.NoError(t, os.MkdirAll(dir, 0o755))
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = []string{probeEnv + "=stay"}
	require.NoError(t, cmd.Start())
	require.NoError(t, os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte(strconv.Itoa(cmd.Process.Pid)), 0))
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		eventually(t, "cgroup "+path+" stays", func() bool { return unix.Rmdir(dir) == nil })
	})
	return cmd.Process.Pid
}
