//go:build linux

package cgroupfs_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"namespaces-cgroups-ebpf/internal/cgroupfs"
)

// fakeCgroup makes a directory that looks like a cgroup to the reader.
func fakeCgroup(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644))
	}
	return dir
}

func TestWrite(t *testing.T) {
	tests := []struct {
		name, file, value, want string
	}{
		{"existing file", "pids.max", "20", ""},
		{"empty value", "pids.max", "", "empty value"},
		{"missing file is not created", "cpu.max", "max", "no such file"},
		{"a directory", ".", "1", "is a directory"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := fakeCgroup(t, map[string]string{"pids.max": "max\n"})
			err := cgroupfs.Write(dir, tt.file, tt.value)
			if tt.want != "" {
				require.ErrorContains(t, err, tt.want)
				require.NoFileExists(t, filepath.Join(dir, "cpu.max"))
				return
			}
			require.NoError(t, err)
			got, err := cgroupfs.Read(dir, tt.file)
			require.NoError(t, err)
			require.Contains(t, got, tt.value)
		})
	}
}

func TestReadLongFile(t *testing.T) {
	long := make([]byte, 100<<10)
	for i := range long {
		long[i] = 'x'
	}
	dir := fakeCgroup(t, map[string]string{"memory.stat": string(long) + "\n"})
	got, err := cgroupfs.Read(dir, "memory.stat")
	require.NoError(t, err)
	require.Equal(t, string(long), got)
}

func TestReadKeyed(t *testing.T) {
	dir := fakeCgroup(t, map[string]string{
		"memory.events": "low 0\nhigh 0\nmax 12\noom 1\noom_kill 1\n",
		"io.stat":       "8:0 rbytes=1 wbytes=2\n",
	})
	got, err := cgroupfs.ReadKeyed(dir, "memory.events")
	require.NoError(t, err)
	require.Equal(t, uint64(12), got["max"])
	_, err = cgroupfs.ReadKeyed(dir, "io.stat")
	require.ErrorContains(t, err, "parse keyed line")
	_, err = cgroupfs.ReadKeyed(dir, "pids.events")
	require.ErrorIs(t, err, unix.ENOENT)
}

func TestProcs(t *testing.T) {
	tests := []struct {
		name, content string
		want          []int
		fault         string
	}{
		{"none", "", nil, ""},
		{"two", "12\n34\n", []int{12, 34}, ""},
		{"other pid namespace", "12\n0\n", nil, "another pid namespace"},
		{"garbage", "x\n", nil, "parse pid"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := cgroupfs.Procs(fakeCgroup(t, map[string]string{"cgroup.procs": tt.content}))
			if tt.fault != "" {
				require.ErrorContains(t, err, tt.fault)
				return
			}
			require.NoError(t, err)
			require.Equal(t, tt.want, got)
		})
	}
}

func TestKillRefuses(t *testing.T) {
	t.Run("the root cgroup, which has no cgroup.events", func(t *testing.T) {
		err := cgroupfs.Kill(fakeCgroup(t, map[string]string{"cgroup.procs": "1\n"}))
		require.ErrorIs(t, err, unix.ENOENT)
	})
	t.Run("the cgroup of the caller", func(t *testing.T) {
		self, err := os.Readlink("/proc/self")
		require.NoError(t, err)
		err = cgroupfs.Kill(fakeCgroup(t, map[string]string{
			"cgroup.procs": self + "\n", "cgroup.events": "populated 1\nfrozen 0\n", "cgroup.kill": "",
		}))
		require.ErrorContains(t, err, "holds this process")
	})
}

// TestKillWaitsForPids: a process that is reaped while the kernel lists it has
// pid 0, once.
func TestKillWaitsForPids(t *testing.T) {
	dir := fakeCgroup(t, map[string]string{
		"cgroup.procs": "0\n", "cgroup.events": "populated 1\nfrozen 0\n", "cgroup.kill": "",
	})
	time.AfterFunc(20*time.Millisecond, func() {
		_ = os.WriteFile(filepath.Join(dir, "cgroup.procs"), nil, 0o644)
	})
	require.NoError(t, cgroupfs.Kill(dir))
}

func TestKillFallbackFreezesAndThaws(t *testing.T) {
	dir := fakeCgroup(t, map[string]string{
		"cgroup.procs": "", "cgroup.events": "populated 1\nfrozen 1\n", "cgroup.freeze": "x",
	})
	require.NoError(t, cgroupfs.Kill(dir))
	got, err := cgroupfs.Read(dir, "cgroup.freeze")
	require.NoError(t, err)
	require.Equal(t, "0", got)
}

func TestRemove(t *testing.T) {
	t.Run("missing is fine", func(t *testing.T) {
		require.NoError(t, cgroupfs.Remove(filepath.Join(t.TempDir(), "gone"), time.Second))
	})
	t.Run("the root cgroup and what is below it stays", func(t *testing.T) {
		dir := fakeCgroup(t, map[string]string{"cgroup.procs": ""})
		require.NoError(t, os.Mkdir(filepath.Join(dir, "child"), 0o755))
		require.ErrorIs(t, cgroupfs.Remove(dir, time.Second), unix.ENOENT)
		require.DirExists(t, filepath.Join(dir, "child"))
	})
	t.Run("what will not die is named", func(t *testing.T) {
		dir := fakeCgroup(t, map[string]string{
			"cgroup.procs": "4194999\n", "cgroup.events": "populated 1\nfrozen 0\n", "cgroup.kill": "0",
		})
		err := cgroupfs.Remove(dir, 20*time.Millisecond)
		require.ErrorIs(t, err, unix.ETIMEDOUT)
		require.ErrorContains(t, err, "4194999")
	})
}
