//go:build vmtest && linux

package connsnoop_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"namespaces-cgroups-ebpf/connsnoop"
	"namespaces-cgroups-ebpf/internal/kernel"
)

// Capabilities that tracing needs (include/uapi/linux/capability.h).
const (
	capPerfmon = 38
	capBPF     = 39
)

// attempt runs the tracer for a moment as a user with some capabilities, and
// returns its exit code and standard error.
func attempt(t *testing.T, capabilities []uintptr, args ...string) (code int, stderr string) {
	ctx, cancel := context.WithTimeout(t.Context(), 4*patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, executable(t), append([]string{"trace", "--duration", "1ms"}, args...)...)
	var text bytes.Buffer
	cmd.Stderr = &text
	if capabilities != nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{
			Credential: &syscall.Credential{Uid: 65534, Gid: 65534}, AmbientCaps: capabilities}
	}
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil {
		require.ErrorAs(t, err, &exit, "%s", &text)
	}
	t.Logf("%v: exit code %d: %s", args, cmd.ProcessState.ExitCode(), &text)
	return cmd.ProcessState.ExitCode(), text.String()
}

// requireRefusal checks that there is one line, which says why.
func requireRefusal(t *testing.T, code int, stderr string, why ...string) {
	require.Equal(t, 4, code)
	require.Equal(t, 1, strings.Count(stderr, "\n"), "lines: %s", stderr)
	for _, text := range why {
		require.Contains(t, stderr, text)
	}
}

func setSysctl(t *testing.T, path, value string) {
	old, err := os.ReadFile("/proc/sys/" + path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile("/proc/sys/"+path, []byte(value), 0))
	t.Cleanup(func() { require.NoError(t, os.WriteFile("/proc/sys/"+path, bytes.TrimSpace(old), 0)) })
}

// lockMemory sets how much the tracers of this test may lock.
func lockMemory(t *testing.T, limit uint64) {
	var old unix.Rlimit
	require.NoError(t, unix.Getrlimit(unix.RLIMIT_MEMLOCK, &old))
	require.NoError(t, unix.Setrlimit(unix.RLIMIT_MEMLOCK, &unix.Rlimit{Cur: limit, Max: limit}))
	t.Cleanup(func() { require.NoError(t, unix.Setrlimit(unix.RLIMIT_MEMLOCK, &old)) })
}

var tracing = []uintptr{capBPF, capPerfmon}

// TestPrivileges is what each backend may do with the two capabilities and
// nothing else, at Debian's default for perf events and below.
func TestPrivileges(t *testing.T) {
	lockMemory(t, unix.RLIM_INFINITY)
	setSysctl(t, "kernel/perf_event_paranoid", "3")
	for _, backend := range backendsHere(t) {
		code, stderr := attempt(t, tracing, "--backend", string(backend))
		if backend == connsnoop.BackendKprobe {
			requireRefusal(t, code, stderr, "kernel.perf_event_paranoid is 3", "sysctl kernel.perf_event_paranoid=2")
			continue
		}
		require.Equal(t, 0, code, stderr)
	}
	setSysctl(t, "kernel/perf_event_paranoid", "2")
	code, stderr := attempt(t, tracing, "--backend", "kprobe")
	require.Equal(t, 0, code, stderr)
	code, stderr = attempt(t, []uintptr{capBPF})
	requireRefusal(t, code, stderr, "CAP_PERFMON")
}

// TestMemlock has too little memory that may be locked: 5.10 charges maps to
// that, and later kernels do not.
func TestMemlock(t *testing.T) {
	lockMemory(t, 64<<10)
	release, err := kernel.Release()
	require.NoError(t, err)
	version, err := kernel.Parse(release)
	require.NoError(t, err)
	code, stderr := attempt(t, tracing)
	if version.AtLeast(kernel.Version{Major: 5, Minor: 11}) {
		require.Equal(t, 0, code, stderr)
		return
	}
	requireRefusal(t, code, stderr, "memlock")
}

// TestLockdown forbids BPF to read the kernel, for good: it needs a machine
// of its own.
func TestLockdown(t *testing.T) {
	require.NoError(t, os.WriteFile("/sys/kernel/security/lockdown", []byte("confidentiality"), 0))
	for _, backend := range append(backendsHere(t), connsnoop.BackendAuto) {
		code, stderr := attempt(t, nil, "--backend", string(backend))
		requireRefusal(t, code, stderr, "lockdown", "confidentiality")
		code, stderr = attempt(t, nil, "--backend", string(backend), "--btf", kernelBTF) // is not to blame
		requireRefusal(t, code, stderr, "lockdown", "confidentiality")
	}
}
