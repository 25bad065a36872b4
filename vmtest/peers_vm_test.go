//go:build vmtest && linux

package vmtest_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// insideContainer is what this test binary says when it is a container's only
// program: it is static, so that it needs no image.
const insideContainer = "hello from pid 1 of box"

// TestMain is that program.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "hello" {
		host, _ := os.Hostname()
		if os.Getpid() == 1 {
			_, _ = os.Stdout.WriteString("hello from pid 1 of " + host + "\n")
		}
		return
	}
	os.Exit(m.Run())
}

// rootfs is a root file system that holds only /hello.
func rootfs(t *testing.T) string {
	t.Helper()
	self, err := os.ReadFile("/proc/self/exe")
	require.NoError(t, err)
	// Not on /tmp: container runtimes refuse some of what tmpfs lacks.
	dir, err := os.MkdirTemp("/var/tmp", "rootfs")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	require.NoError(t, os.Chmod(dir, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "hello"), self, 0o755))
	return dir
}

func TestPeersOCIRuntimes(t *testing.T) {
	for _, runtime := range []string{"crun", "runc"} {
		t.Run(runtime, func(t *testing.T) {
			bundle := t.TempDir()
			cmd := exec.Command(runtime, "spec")
			cmd.Dir = bundle
			require.NoError(t, cmd.Run())
			editSpec(t, filepath.Join(bundle, "config.json"), rootfs(t))
			require.Equal(t, insideContainer, output(t, runtime, "run", "--bundle", bundle, "box-"+runtime))
		})
	}
}

// editSpec makes the runtime's own example run /hello without a terminal.
func editSpec(t *testing.T, path, root string) {
	t.Helper()
	var spec map[string]any
	require.NoError(t, json.Unmarshal([]byte(contents(t, path)), &spec))
	process, _ := spec["process"].(map[string]any)
	process["terminal"], process["args"] = false, []string{"/hello"}
	spec["root"], spec["hostname"] = map[string]any{"path": root, "readonly": true}, "box"
	data, err := json.Marshal(spec)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, data, 0o600))
}

func TestPeersPodman(t *testing.T) {
	t.Cleanup(func() { // podman keeps what its containers had as parents
		_ = os.Remove("/sys/fs/cgroup/libpod_parent/conmon")
		require.NoError(t, os.Remove("/sys/fs/cgroup/libpod_parent"))
	})
	out := output(t, "podman", "--cgroup-manager=cgroupfs", "--events-backend=none", "run", "--rm", "--network=none",
		"--log-driver=none", "--hostname=box", "--rootfs", rootfs(t), "/hello")
	require.Equal(t, insideContainer, out)
}

func TestPeersBubblewrap(t *testing.T) {
	out := output(t, "bwrap", "--ro-bind", "/", "/", "--unshare-pid", "--unshare-uts", "--hostname", "box", "--proc", "/proc",
		"--as-pid-1", "sh", "-c", "echo hello from pid $$ of $(uname -n)")
	require.Equal(t, insideContainer, out)
}

// TestPeersSubordinateIDs: newuidmap and newgidmap of the package uidmap.
func TestPeersSubordinateIDs(t *testing.T) {
	for _, path := range []string{"/etc/subuid", "/etc/subgid"} {
		require.NoError(t, os.WriteFile(path, []byte("root:100000:65536\n"), 0o644))
	}
	out := output(t, "unshare", "--user", "--map-root-user", "--map-auto", "cat", "/proc/self/uid_map")
	require.Contains(t, strings.Join(strings.Fields(out), " "), "1 100000 65535")
}

func TestPeersNftables(t *testing.T) {
	output(t, "nft", "add table inet box; add counter inet box seen")
	require.Contains(t, output(t, "nft", "list", "ruleset"), "counter seen")
	output(t, "nft", "delete", "table", "inet", "box")
}

func TestPeersObservers(t *testing.T) {
	require.Contains(t, output(t, "perf", "stat", "-e", "task-clock", "true"), "task-clock")
	require.Contains(t, output(t, "strace", "-f", "-e", "trace=execve", "true"), "execve(")
}

func TestPeersOpenSSL(t *testing.T) {
	path := filepath.Join(t.TempDir(), "empty")
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	require.Contains(t, output(t, "openssl", "dgst", "-sha256", path),
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
}
