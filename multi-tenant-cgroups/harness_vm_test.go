//go:build vmtest && linux

package multitenantcgroups_test

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/internal/cgroupfs"
)

const mount = "/sys/fs/cgroup"

// vm is what one test needs: a policy of random numbers, and the program under
// test as a black box.
type vm struct {
	*testing.T
	rand    *rand.Rand
	root    string // name of the policy's root
	tenants []vmTenant
	file    string
}

type vmTenant struct {
	name         string
	memory, pids uint64
	quota        uint64 // microseconds per 100 ms
}

func newVM(t *testing.T) *vm {
	t.Helper()
	seed, err := strconv.ParseUint(os.Getenv("VMTEST_SEED"), 10, 64)
	require.NoError(t, err, "VMTEST_SEED")
	v := &vm{T: t, rand: rand.New(rand.NewPCG(seed, uint64(crc32.ChecksumIEEE([]byte(t.Name())))))}
	v.root = fmt.Sprintf("mt-%04x", v.rand.IntN(1<<16))
	for _, name := range []string{"red", "blue"} {
		v.tenants = append(v.tenants, vmTenant{
			name:   fmt.Sprintf("%s-%d", name, v.rand.IntN(100)),
			memory: uint64(v.rand.IntN(2048)+2048) * 4096, // 8 to 16 MiB
			pids:   uint64(v.rand.IntN(12) + 6),
			quota:  uint64(v.rand.IntN(20)+25) * 1000,
		})
	}
	v.writePolicy()
	t.Cleanup(func() { // a failed test must not fail the next
		require.NoError(t, cgroupfs.Remove(v.path(), 20*time.Second))
	})
	return v
}

func (v *vm) writePolicy() {
	v.Helper()
	text := fmt.Sprintf("schema: cgroup-policy/v1\nroot: %s\ntenants:\n", v.root)
	for _, t := range v.tenants {
		// An odd number of bytes: the kernel rounds it down to a page.
		text += fmt.Sprintf("  - name: %s\n    limits: {memory.max: %d, memory.swap.max: 0, pids.max: %d, cpu.max: \"%d\"}\n", t.name, t.memory+1+uint64(v.rand.IntN(4000)), t.pids, t.quota)
	}
	v.file = filepath.Join(v.TempDir(), "policy.yaml")
	require.NoError(v, os.WriteFile(v.file, []byte(text), 0o600))
	v.Log(text)
}

// run runs the program under test and returns its exit code and output.
func (v *vm) run(subcommand string, args ...string) (int, string) {
	v.Helper()
	start := time.Now()
	cmd := exec.Command(os.Getenv("VMTEST_BIN"), append([]string{subcommand, "-f", v.file}, args...)...)
	var out, diagnostics bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &diagnostics
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		require.NoError(v, err)
	}
	v.Logf("%s %v: exit %d in %s\n%s%s", subcommand, args, cmd.ProcessState.ExitCode(), time.Since(start).Round(time.Millisecond), out.String(), diagnostics.String())
	return cmd.ProcessState.ExitCode(), out.String()
}

func (v *vm) must(subcommand string, args ...string) string {
	v.Helper()
	code, out := v.run(subcommand, args...)
	require.Zero(v, code)
	return out
}

// path is the directory of a tenant, or of the root.
func (v *vm) path(names ...string) string {
	return filepath.Join(append([]string{mount, v.root}, names...)...)
}

func (v *vm) read(dir, file string) string {
	v.Helper()
	text, err := os.ReadFile(filepath.Join(dir, file))
	require.NoError(v, err)
	return strings.TrimSpace(string(text))
}

// number reads one number of a flat keyed file.
func (v *vm) number(dir, file, key string) uint64 {
	v.Helper()
	for _, line := range strings.Split(v.read(dir, file), "\n") {
		if value, ok := strings.CutPrefix(line, key+" "); ok {
			n, err := strconv.ParseUint(value, 10, 64)
			require.NoError(v, err)
			return n
		}
	}
	v.Fatalf("%s/%s has no %s", dir, file, key)
	return 0
}

// tree lists all cgroups of the machine.
func tree(t *testing.T) []string {
	t.Helper()
	var dirs []string
	require.NoError(t, filepath.WalkDir(mount, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil && d.IsDir() {
			dirs = append(dirs, path)
		}
		return err
	}))
	return dirs
}

// shell starts a script inside a cgroup. Nothing of the program under test is
// involved.
func (v *vm) shell(dir, script string) *exec.Cmd {
	v.Helper()
	cmd := exec.Command("sh", "-c", "echo $$ > "+filepath.Join(dir, "cgroup.procs")+" || exit 99; "+script)
	require.NoError(v, cmd.Start())
	return cmd
}

// artifact keeps an output for validation on the host.
func artifact(t *testing.T, name, content string) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(os.Getenv("VMTEST_OUT"), name), []byte(content), 0o600))
}
