//go:build vmtest && linux

package minicontainer_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

const accounts = "root:x:0:0::/root:\napp:x:1234:77::/home/app:\n"

func (b *bench) withAccounts(t *testing.T) {
	require.NoError(t, os.Mkdir(filepath.Join(b.rootfs, "etc"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(b.rootfs, "etc/passwd"), []byte(accounts), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(b.rootfs, "etc/group"), []byte("logs:x:88:app\n"), 0o644))
}

// TestPrivileges asks the kernel, from outside, what a command has that was
// given less, and more, than the defaults.
func TestPrivileges(t *testing.T) {
	b := newBench(t, 0)
	b.withAccounts(t)
	c := b.start(t, "story:"+b.secret, "--user", "app", "--cap-drop", "all", "--cap-ambient", "net_bind_service",
		"--rlimit", "nofile=123", "--rlimit", "core=0", "--oom-score-adj", "321",
		"--sysctl", "net.ipv4.ip_forward=1", "--sysctl", "kernel.shmmni=77")
	s := c.story(t)
	pid := c.find(t, b)

	require.Equal(t, []string{"1234", "1234", "1234", "1234"}, statusField(pid, "Uid"))
	require.Equal(t, []string{"77", "77", "77", "77"}, statusField(pid, "Gid"))
	require.Equal(t, []string{"88"}, statusField(pid, "Groups"))
	require.Contains(t, s.Env, "HOME=/home/app")
	for _, set := range []string{"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"} {
		require.Equal(t, []string{fmt.Sprintf("%016x", 1<<10)}, statusField(pid, set), set)
	}
	require.Equal(t, []string{"1"}, statusField(pid, "NoNewPrivs"))
	require.Equal(t, []string{"2"}, statusField(pid, "Seccomp"))
	require.Equal(t, "321", strings.TrimSpace(readText(fmt.Sprintf("/proc/%d/oom_score_adj", pid))))
	limits := readText(fmt.Sprintf("/proc/%d/limits", pid))
	require.Regexp(t, `Max open files +123 +123 `, limits)
	require.Regexp(t, `Max core file size +0 +0 `, limits)
	var forward, segments string
	inNamespace(t, pid, "net", func() error { forward = readText("/proc/sys/net/ipv4/ip_forward"); return nil })
	inNamespace(t, pid, "ipc", func() error { segments = readText("/proc/sys/kernel/shmmni"); return nil })
	require.Equal(t, "1\n", forward)
	require.Equal(t, "77\n", segments)
	require.NotEqual(t, "77\n", readText("/proc/sys/kernel/shmmni"), "the host's setting changed")
	require.Equal(t, 0, c.end(t))
}

// TestDefaultFilter makes the calls that the default profile is about.
func TestDefaultFilter(t *testing.T) {
	b := newBench(t, 0)
	calls := []struct{ call, want string }{
		{"39", ""},                      // getpid
		{"250 0", "EPERM"},              // keyctl
		{"321 0", "EPERM"},              // bpf
		{"425 1 0", "EPERM"},            // io_uring_setup
		{"999", "ENOSYS"},               // of the future
		{"435 0 0", "ENOSYS"},           // clone3
		{"272 0x10000000", "EPERM"},     // unshare(CLONE_NEWUSER)
		{"56 0x10000011", "EPERM"},      // clone(CLONE_NEWUSER)
		{"41 38 5", "EPERM"},            // socket(AF_ALG)
		{"41 0x10000000028 1", "EPERM"}, // socket(AF_VSOCK), upper bits set
		{"16 0 0x5412", "EPERM"},        // ioctl(TIOCSTI)
		{"16 0 0x100005412", "EPERM"},   // the same, upper bits set
		{"16 0 0x5401", "ENOTTY"},       // ioctl(TCGETS): allowed, no terminal
		{"135 0x40000", "EPERM"},        // personality(ADDR_NO_RANDOMIZE)
		{"135 0xffffffff", ""},          // personality: asked
	}
	var list, want []string
	for _, c := range calls {
		list, want = append(list, c.call), append(want, c.want)
	}
	c := b.start(t, "calls:"+strings.Join(list, ","), "--report", artifact(t, "filter.json"), "--cap-drop", "all")
	var got []string
	line := c.line(t)
	require.NoError(t, json.Unmarshal([]byte(line), &got), line)
	require.Equal(t, want, got)
	require.Equal(t, 0, c.end(t))
	require.Equal(t, "filter", readReport(t, artifact(t, "filter.json")).Seccomp)
}

// TestSessionKeyring: a key of the caller's session can be read by whoever
// possesses the session's keyring, whatever the namespaces.
func TestSessionKeyring(t *testing.T) {
	b := newBench(t, 0)
	runtime.LockOSThread() // the keyring is this thread's, and what it starts inherits it
	defer runtime.UnlockOSThread()
	_, err := unix.KeyctlInt(unix.KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0, 0)
	require.NoError(t, err)
	key, err := unix.AddKey("user", "secret", []byte("host"), unix.KEY_SPEC_SESSION_KEYRING)
	require.NoError(t, err)
	// Not to be read by being the same user, only by possession.
	require.NoError(t, unix.KeyctlSetperm(key, 0x3f000000))
	_, err = unix.KeyctlInt(unix.KEYCTL_READ, key, 0, 0, 0)
	require.NoError(t, err, "the attack is none")
	read := fmt.Sprintf("%d %d %d 0", unix.SYS_KEYCTL, unix.KEYCTL_READ, key)
	for _, flags := range [][]string{nil, {"--user-ns"}, {"--init"}, {"--new-privs"}} {
		id := b.word()
		c := b.start(t, "calls:"+read, append(flags, "--seccomp", "none", "--id", id)...)
		require.Equal(t, `["EACCES"]`, c.line(t), flags)
		joined := b.exec(t, id, "calls:"+read)
		require.Equal(t, `["EACCES"]`, joined.line(t), flags)
		require.Equal(t, 0, joined.end(t))
		require.Equal(t, 0, c.end(t))
	}
}

// TestOwnFilter: a profile of the caller's, installed while there are still
// privileges because the command may gain some.
func TestOwnFilter(t *testing.T) {
	b := newBench(t, 0)
	profile := filepath.Join(b.base, "profile.json")
	require.NoError(t, os.WriteFile(profile, []byte(`{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
		{"names": ["getppid"], "action": "SCMP_ACT_ERRNO", "errnoRet": 75},
		{"names": ["setpriority"], "action": "SCMP_ACT_ERRNO", "errnoRet": 76, "args": [{"index": 2, "op": "SCMP_CMP_GT", "value": 4294967296}]},
		{"names": ["getpgid"], "action": "SCMP_ACT_KILL_PROCESS"}]}`), 0o600))
	c := b.start(t, "calls:110,141 0 0 4294967297,141 0 0 4294967296", "--seccomp", profile, "--new-privs")
	var got []string
	require.NoError(t, json.Unmarshal([]byte(c.line(t)), &got))
	pid := c.find(t, b)
	require.Equal(t, []string{"EOVERFLOW", "ENOTUNIQ", ""}, got)
	require.Equal(t, []string{"0"}, statusField(pid, "NoNewPrivs"))
	require.Equal(t, []string{"2"}, statusField(pid, "Seccomp"))
	require.Equal(t, 0, c.end(t))

	c = b.start(t, "calls:121 0", "--seccomp", profile)
	require.Equal(t, 128+31, c.end(t), "SIGSYS")
}

// TestRefusedPrivileges: an error names what is wrong, and nothing runs.
func TestRefusedPrivileges(t *testing.T) {
	b := newBench(t, 0)
	b.withAccounts(t)
	for i, test := range []struct {
		flags []string
		code  int
		want  string
	}{
		{[]string{"--user", "ghost"}, 2, `find user "ghost"`},
		{[]string{"--user", "0x0"}, 2, "is not a number"},
		{[]string{"--apparmor", "no-such-profile"}, 2, "no-such-profile"},
	} {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			c := b.start(t, "exit:0", test.flags...)
			code := c.end(t)
			require.Equal(t, test.code, code)
			require.Contains(t, c.stderr.String(), test.want)
		})
	}
}
