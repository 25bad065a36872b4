package image

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestExecRunnerKillsTheWholeGroup(t *testing.T) {
	ctx, cancel := context.WithCancelCause(context.Background())
	cause := errors.New("stop")
	pid := filepath.Join(t.TempDir(), "pid")
	time.AfterFunc(300*time.Millisecond, func() { cancel(cause) })
	start := time.Now()
	var out strings.Builder
	err := execRunner(ctx, command{argv: []string{"sh", "-c", "sleep 60 & echo $! > " + pid + "; wait"}, output: &out})
	require.ErrorIs(t, err, cause)
	require.Less(t, time.Since(start), drainTime)
	data, err := os.ReadFile(pid)
	require.NoError(t, err)
	child := strings.TrimSpace(string(data))
	require.Eventually(t, func() bool {
		stat, err := os.ReadFile("/proc/" + child + "/stat")
		return err != nil || strings.Contains(string(stat), ") Z ")
	}, 5*time.Second, 20*time.Millisecond, "process %s is alive", child)
}

func TestExecRunnerErrors(t *testing.T) {
	var out strings.Builder
	err := execRunner(context.Background(), command{argv: []string{"sh", "-c", "echo $X; echo e >&2; exit 3"}, env: []string{"X=x"}, output: &out})
	require.EqualError(t, err, "run sh: exit status 3")
	require.Equal(t, "x\ne\n", out.String())
	err = execRunner(context.Background(), command{argv: []string{"no-such-program"}})
	require.EqualError(t, err, "find no-such-program: not installed")
}

func TestPrefixes(t *testing.T) {
	require.Nil(t, ownerPrefix(0, Owner{}))
	require.Contains(t, ownerPrefix(1000, Owner{}), "--map-root-user")
	require.NotContains(t, rootPrefix(0), "--user")
	require.Contains(t, rootPrefix(1000), "--map-auto")
}

// TestRealExt4 reads a real file system back with e2fsprogs' own tools.
func TestRealExt4(t *testing.T) {
	for _, tool := range []string{"mke2fs", "debugfs", "dumpe2fs"} {
		_, err := lookPath(tool)
		require.NoError(t, err, "ci/install-deps.sh installs e2fsprogs")
	}
	t.Setenv("PATH", searchPath())
	dir, out := t.TempDir(), filepath.Join(t.TempDir(), "d.ext4")
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "bin"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "bin/tool"), []byte("hello"), 0o755))
	require.NoError(t, makeExt4(context.Background(), execRunner, nil, dir, out, 1<<30, "payload"))

	var st syscall.Stat_t
	require.NoError(t, syscall.Stat(out, &st))
	require.EqualValues(t, 1<<30, st.Size)
	require.Less(t, st.Blocks*512, int64(4<<20), "not sparse")
	require.Equal(t, "hello", read(t, "debugfs", "-R", "cat /bin/tool", out))
	super := read(t, "dumpe2fs", "-h", out)
	require.Contains(t, super, "payload")
	for _, feature := range []string{"has_journal", "orphan_file", "metadata_csum"} {
		require.NotContains(t, super, feature)
	}

	big := filepath.Join(dir, "big")
	require.NoError(t, os.WriteFile(big, make([]byte, 1<<20), 0o644))
	require.NoError(t, os.WriteFile(big+"2", []byte(strings.Repeat("x", 3<<20)), 0o644))
	err := makeExt4(context.Background(), execRunner, nil, dir, out+"2", 2<<20, "small")
	require.ErrorContains(t, err, "does not fit into 2097152 bytes")
	require.NoFileExists(t, out+"2")
}

// TestExt4Owner: files that their owner may not read belong to whom they should
// too.
func TestExt4Owner(t *testing.T) {
	t.Setenv("PATH", searchPath())
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "secret"), []byte("hello"), 0o000))
	for name, owner := range map[string]Owner{"root": {}, "somebody": {1000, 2000}} {
		t.Run(name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "d.ext4")
			require.NoError(t, Ext4FromDir(t.Context(), dir, out, 1<<20, "payload", owner))
			require.Equal(t, "hello", read(t, "debugfs", "-R", "cat /secret", out))
			require.Regexp(t, fmt.Sprintf(`User: +%d +Group: +%d `, owner.UID, owner.GID), read(t, "debugfs", "-R", "stat /secret", out))
			require.Regexp(t, `User: +0 +Group: +0 `, read(t, "debugfs", "-R", "stat /", out))
		})
	}
}

func read(t *testing.T, argv ...string) string {
	t.Helper()
	out, err := exec.Command(argv[0], argv[1:]...).Output()
	require.NoError(t, err)
	return string(out)
}
