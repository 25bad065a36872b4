//go:build vmtest && linux

package minicontainer_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"namespaces-cgroups-ebpf/internal/kernel"
)

// attempts says with which error each attempt of the probe ended.
func (c *contained) attempts(t *testing.T) []string {
	t.Helper()
	var got []string
	line := c.line(t)
	require.NoError(t, json.Unmarshal([]byte(line), &got), "%s%s", line, &c.stderr)
	return got
}

// attempt makes attempts such as "read FILE,write FILE,run FILE,bind PORT,connect PORT"
// and names what each says. A socket that is bound listens from then on.
func attempt(list string) string {
	var answers []string
	for one := range strings.SplitSeq(list, ",") {
		verb, object, _ := strings.Cut(one, " ")
		var err error
		switch verb {
		case "read", "write":
			var fd int
			fd, err = unix.Open(object, map[string]int{"read": unix.O_RDONLY, "write": unix.O_WRONLY | unix.O_CREAT}[verb]|unix.O_CLOEXEC, 0o644)
			unix.Close(fd)
		case "run":
			err = run(object)
		default:
			port, _ := strconv.Atoi(object)
			err = onPort(verb, port)
		}
		answers = append(answers, errnoName(err))
	}
	text, _ := json.Marshal(answers)
	return string(text)
}

// run starts the probe and returns what the exec said.
func run(path string) error {
	cmd := exec.Command(path)
	cmd.Env = []string{probeEnv + "=exit:0"}
	err := cmd.Run()
	if failed, ok := err.(interface{ Unwrap() error }); ok {
		return failed.Unwrap()
	}
	return err
}

func onPort(verb string, port int) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	address := &unix.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}}
	if verb == "connect" {
		return unix.Connect(fd, address)
	}
	if err := unix.Bind(fd, address); err != nil {
		return err
	}
	return unix.Listen(fd, 8)
}

// TestLandlock: what is not listed is out of reach, though root asks; what is
// listed is in reach in the listed way alone.
func TestLandlock(t *testing.T) {
	b := newBench(t, 0)
	b.withAccounts(t)
	const tries = "read /etc/passwd,read /bin,run /bin/probe,write /bin/new,read /proc/self/status,run /data/probe,write /proc/self/comm," +
		"read /dev/null,write /dev/null,write /dev/shm/new,read /"
	require.NoError(t, os.Mkdir(filepath.Join(b.rootfs, "data"), 0o755))
	require.NoError(t, os.Link(filepath.Join(b.rootfs, "bin/probe"), filepath.Join(b.rootfs, "data/probe")))
	flags := []string{"--landlock-exec", "/bin", "--landlock-read", "/proc", "--landlock-read", "/data", "--landlock-write", "/dev"}
	if !hasLandlock(t) {
		c := b.start(t, "attempt:"+tries, flags...)
		require.Equal(t, 4, c.end(t))
		require.Contains(t, c.stderr.String(), "5.13")
		return
	}
	for want, flags := range map[string][]string{
		",,,,,,,,,,": {},
		"EACCES,,,EACCES,,EACCES,EACCES,,,,EACCES": flags,
	} {
		c := b.start(t, "attempt:"+tries, flags...)
		require.Equal(t, strings.Split(want, ","), c.attempts(t), flags)
		require.Equal(t, 0, c.end(t))
	}
}

// TestLandlockPorts: TCP ports that are not listed can neither be bound nor
// connected to, whether or not somebody listens there.
func TestLandlockPorts(t *testing.T) {
	b := newBench(t, 0)
	const tries = "bind 7000,bind 7001,connect 7000,connect 7001"
	flags := []string{"--network", "loopback", "--landlock-bind", "7000", "--landlock-connect", "7000"}
	if !atLeast(t, 6, 7) {
		c := b.start(t, "attempt:"+tries, flags...)
		require.Equal(t, 4, c.end(t))
		require.Contains(t, c.stderr.String(), map[bool]string{true: "6.7", false: "5.13"}[hasLandlock(t)])
		return
	}
	free := b.start(t, "attempt:"+tries, flags[:2]...)
	require.Equal(t, []string{"", "", "", ""}, free.attempts(t))
	require.Equal(t, 0, free.end(t))
	id := b.word()
	c := b.start(t, "attempt:"+tries, append(flags, "--id", id)...)
	require.Equal(t, []string{"", "EACCES", "", "EACCES"}, c.attempts(t))
	joined := b.exec(t, id, "attempt:bind 7001,connect 7000,connect 7001")
	require.Equal(t, []string{"EACCES", "", "EACCES"}, joined.attempts(t))
	require.Equal(t, 0, joined.end(t))
	require.Equal(t, 0, c.end(t))
}

// hasLandlock goes by the kernel's version, not by what it says of itself.
func hasLandlock(t *testing.T) bool {
	release, err := kernel.Release()
	require.NoError(t, err)
	return kernel.Check(kernel.Landlock, release) == nil
}
