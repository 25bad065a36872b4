//go:build vmtest && linux

package minicontainer_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	minicontainer "namespaces-cgroups-ebpf/mini-container"
)

// heldJoin starts a container and a command that joins it, which stands still
// before a step. It returns the container, the joiner, and the process that is
// still the runtime.
func (b *bench) heldJoin(t *testing.T, step string, flags ...string) (id string, c, joiner *contained, pid int) {
	t.Helper()
	id = b.word()
	c = b.start(t, "wait", append(flags, "--id", id)...)
	c.line(t)
	joiner, pid = b.held(t, step, order{Join: id})
	return id, c, joiner, pid
}

// TestCVE_2016_9962_Exec: the container traces the process that joins it, after
// it has given its capabilities up and before it has become the command.
func TestCVE_2016_9962_Exec(t *testing.T) {
	b := newBench(t, 0)
	for _, flags := range [][]string{nil, {"--user-ns"}} {
		id, c, joiner, pid := b.heldJoin(t, "rlimits", flags...)
		numbers := statusField(pid, "NSpid")
		dir := "/proc/" + numbers[len(numbers)-1]
		// The container's own first process shows that the attack can work.
		attack := b.exec(t, id, fmt.Sprintf("open:/proc/1/mem,%[1]s/mem,%[1]s/exe,%[1]s/environ,%[1]s/root/bin/probe,%[1]s/fd/0", dir))
		got := map[string]string{}
		require.NoError(t, json.Unmarshal([]byte(attack.line(t)), &got))
		require.Empty(t, got["/proc/1/mem"], "the attack is none")
		delete(got, "/proc/1/mem")
		for path, said := range got {
			require.Equal(t, "EACCES", said, path)
		}
		require.Len(t, got, 5)
		require.Equal(t, 0, attack.end(t))
		joiner.kill(t)
		require.Equal(t, 0, c.end(t))
	}
}

// TestCVE_2019_5736_Exec: the same as without Exec, by way of the process that
// joins.
func TestCVE_2019_5736_Exec(t *testing.T) {
	b := newBench(t, 0)
	// A file of its own: the tests' may lie on a read-only disk, or be busy.
	binary := b.ownRuntime(t)
	self := orderCommand
	orderCommand = binary
	defer func() { orderCommand = self }()
	_, c, joiner, pid := b.heldJoin(t, "no-new-privs")
	exe, err := os.Open(fmt.Sprintf("/proc/%d/exe", pid))
	require.NoError(t, err)
	joiner.kill(t)
	again := fmt.Sprintf("/proc/self/fd/%d", exe.Fd())
	_, err = unix.Open(again, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	require.ErrorIs(t, err, unix.EROFS)
	require.ErrorIs(t, unix.Chmod(again, 0o777), unix.EROFS)
	require.NoError(t, exe.Close())
	control, err := os.OpenFile(binary, os.O_WRONLY, 0)
	require.NoError(t, err)
	control.Close()
	require.Equal(t, 0, c.end(t))
}

// TestCVE_2025_52565: what the image, or a process inside, has at the place of
// the terminal gets bound or given away.
func TestCVE_2025_52565(t *testing.T) {
	b := newBench(t, 0)
	secret := filepath.Join(b.rootfs, "secret")
	require.NoError(t, os.WriteFile(secret, nil, 0o600))
	pts := filepath.Join(b.rootfs, "dev/pts")
	// Devices work below this one: opening ptmx there is a terminal of the host.
	terminals := []specs.Mount{{Type: "bind", Source: "/dev/pts", Destination: "/terminals", Options: []string{"rbind", "dev"}}}
	for name, make := range map[string]func(path string) error{
		"link to a file":    func(path string) error { return os.Symlink("/secret", path) },
		"the host's":        func(path string) error { return os.Symlink("/terminals/ptmx", path) },
		"link to procfs":    func(path string) error { return os.Symlink("/proc/sys/kernel/core_pattern", path) },
		"file":              func(path string) error { return os.WriteFile(path, nil, 0o666) },
		"other device":      func(path string) error { return unix.Mknod(path, unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))) },
		"ptmx of the image": func(path string) error { return unix.Mknod(path, unix.S_IFCHR|0o666, int(unix.Mkdev(5, 2))) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Cleanup(func() { require.NoError(t, os.RemoveAll(filepath.Dir(pts))) })
			require.NoError(t, os.MkdirAll(pts, 0o755))
			require.NoError(t, unix.Mknod(filepath.Dir(pts)+"/null", unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3)))) // for masking
			require.NoError(t, make(pts+"/ptmx"))
			require.NoError(t, os.Symlink("/secret", pts+"/0"))
			report, code := b.order(t, "exit:0", order{NoDev: true, Terminal: true, Options: minicontainer.Options{Mounts: terminals}}).report(t)
			require.NotZero(t, code)
			require.NotNil(t, report.Error)
			require.Equal(t, "terminal", report.Error.Step, report.Error.Message)
		})
	}
	var st unix.Stat_t
	require.NoError(t, unix.Stat(secret, &st))
	require.EqualValues(t, unix.S_IFREG|0o600, st.Mode)
	// With a /dev of our own the terminal is there, and nothing is bound on.
	_, code := b.order(t, "exit:0", order{Terminal: true}).report(t)
	require.Zero(t, code)
}

// TestCVE_2026_30892: what is not quite a number ran as root, or as another
// user than was meant.
func TestCVE_2026_30892(t *testing.T) {
	b := newBench(t, 0)
	b.withAccounts(t)
	id := b.word()
	c := b.start(t, "wait", "--id", id)
	c.line(t)
	for _, user := range []string{
		"1000abc", "-1", "+0", "0x0", "010", " 0", "0 ", "1e3", "4294967295", "4294967296", "18446744073709551616",
		":0", "0:", "0:0x1", "0:-1", "app:", "ghost", "0:ghost", "app,root", "../app",
	} {
		b.command(t, 2, "exec", "--user="+user, id, "--", "probe")
		require.Equal(t, 2, b.start(t, "exit:0", "--user="+user).end(t), user)
	}
	for user, want := range map[string][2]string{"1000": {"1000", "0"}, "1000:5": {"1000", "5"}, "app": {"1234", "77"}, "app:logs": {"1234", "88"}} {
		e := &contained{cmd: b.prepare(t, "stay")}
		e.cmd.Args = []string{e.cmd.Path, "exec", "--user", user, id, "--env", probeEnv + "=stay", "--", "probe"}
		e.begin(t).line(t)
		pid := e.find(t, b)
		require.Equal(t, want[0], statusField(pid, "Uid")[1], user)
		require.Equal(t, want[1], statusField(pid, "Gid")[1], user)
		require.Equal(t, []string{"0000000000000000"}, statusField(pid, "CapEff"), user)
		require.Equal(t, []string{"2"}, statusField(pid, "Seccomp"), user)
		e.kill(t)
	}
	require.Equal(t, 0, c.end(t))
}

// TestExecIsConfined: what joins is under the same filter, Landlock rules and
// no_new_privs as the container's own command, and cannot get out of them.
func TestExecIsConfined(t *testing.T) {
	b := newBench(t, 0)
	b.withAccounts(t)
	profile := filepath.Join(b.base, "profile.json")
	require.NoError(t, os.WriteFile(profile, []byte(`{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[
		{"names":["getpriority"],"action":"SCMP_ACT_ERRNO","errnoRet":77},
		{"names":["mount"],"action":"SCMP_ACT_ERRNO","errnoRet":78}]}`), 0o644))
	for _, flags := range [][]string{{"--seccomp", profile}, {"--seccomp", profile, "--new-privs"}} {
		id := b.word()
		c := b.start(t, "wait", append(flags, "--id", id)...)
		c.line(t)
		e := b.exec(t, id, fmt.Sprintf("calls:%d 0 0,%d 0 0 0", unix.SYS_GETPRIORITY, unix.SYS_MOUNT))
		require.Equal(t, `["EBADFD","EREMCHG"]`, e.line(t))
		first, joined := look(t, c.find(t, b)), look(t, e.find(t, b))
		require.Equal(t, first.status, joined.status)
		require.Equal(t, statusField(first.pid, "Seccomp_filters"), statusField(joined.pid, "Seccomp_filters"))
		require.Equal(t, 0, e.end(t))
		require.Equal(t, 0, c.end(t))
	}
	if !hasLandlock(t) {
		return
	}
	id := b.word()
	c := b.start(t, "wait", "--id", id, "--landlock-exec", "/bin", "--landlock-read", "/proc")
	c.line(t)
	e := b.exec(t, id, "open:/etc/passwd,/bin/probe,/dev/null")
	require.JSONEq(t, `{"/etc/passwd":"EACCES","/bin/probe":"","/dev/null":"EACCES"}`, e.line(t))
	require.Equal(t, 0, e.end(t))
	require.Equal(t, 0, c.end(t))
}
