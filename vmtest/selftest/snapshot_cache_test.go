//go:build selftest && linux

package selftest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/vmtest"
)

// ownCache is a cache without snapshots that shares all the rest with the
// machine's: what is broken in it is nobody else's.
func ownCache(t *testing.T) string {
	shared := os.Getenv("VMTEST_CACHE")
	if shared == "" {
		user, err := os.UserCacheDir()
		require.NoError(t, err)
		shared = filepath.Join(user, "namespaces-cgroups-ebpf")
	}
	own := t.TempDir()
	for _, name := range []string{"apt", "images", "kernels", "modules"} {
		require.NoError(t, os.MkdirAll(filepath.Join(shared, name), 0o755))
		require.NoError(t, os.Symlink(filepath.Join(shared, name), filepath.Join(own, name)))
	}
	return own
}

// snapshotFiles lists one file of all snapshots in a cache.
func snapshotFiles(t *testing.T, cache, name string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(cache, "snapshots", "*", name))
	require.NoError(t, err)
	return files
}

// flip changes one bit of a file.
func flip(t *testing.T, path string, at int64) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(t, err)
	defer f.Close()
	b := make([]byte, 1)
	_, err = f.ReadAt(b, at)
	require.NoError(t, err)
	b[0] ^= 0x10
	_, err = f.WriteAt(b, at)
	require.NoError(t, err)
}

// TestSnapshotCache goes through the life of a cache: a saver that is killed, a
// snapshot that is made, damaged, made again, stale, in use and collected.
func TestSnapshotCache(t *testing.T) {
	cache := ownCache(t)
	config := vmtest.Config{Kernel: series()[0], CacheDir: cache}
	restored := func(t *testing.T, c vmtest.Config, made bool) *vmtest.VM {
		t.Helper()
		vm := start(t, c)
		require.True(t, vm.Restored, vm.Note)
		require.Equal(t, made, vm.SaveDuration > 0, "whether it had to be made")
		require.Equal(t, "well", sh(t, vm, "echo well"))
		return vm
	}
	t.Run("killed while saving", func(t *testing.T) { killSaver(t, cache) })
	t.Run("made and used again", func(t *testing.T) {
		stop(t, restored(t, config, true))
		require.Empty(t, snapshotFiles(t, cache, "../*.tmp"), "what the killed one left is gone")
		stop(t, restored(t, config, false))
	})
	for name, at := range map[string]int64{"ram": 20 << 20, "state": 300 << 10} {
		t.Run("damaged "+name, func(t *testing.T) {
			flip(t, snapshotFiles(t, cache, name)[0], at)
			stop(t, restored(t, config, true))
			stop(t, restored(t, config, false))
		})
	}
	t.Run("stale", func(t *testing.T) {
		other := config
		other.KernelArgs = []string{"selftest=1"}
		vm := restored(t, other, true)
		require.Contains(t, sh(t, vm, "cat /proc/cmdline"), " selftest=1")
		stop(t, vm)
		require.Len(t, snapshotFiles(t, cache, "record.json"), 2, "one machine's snapshot is not another's")
	})
	t.Run("collected", func(t *testing.T) {
		vm := restored(t, config, false)
		ages := time.Now().Add(-365 * 24 * time.Hour)
		for _, record := range snapshotFiles(t, cache, "record.json") {
			require.NoError(t, os.Chtimes(record, ages, ages))
		}
		removed, err := vmtest.CollectSnapshots(cache, false)
		require.NoError(t, err)
		require.Len(t, removed, 1, "the one in use stays")
		stop(t, vm)
		removed, err = vmtest.CollectSnapshots(cache, false)
		require.NoError(t, err)
		require.Len(t, removed, 1)
		left, err := os.ReadDir(filepath.Join(cache, "snapshots"))
		require.NoError(t, err)
		require.Empty(t, left)
	})
	t.Run("nowhere to save", func(t *testing.T) {
		require.NoError(t, os.RemoveAll(filepath.Join(cache, "snapshots")))
		require.NoError(t, os.WriteFile(filepath.Join(cache, "snapshots"), nil, 0o600))
		vm := start(t, config)
		require.False(t, vm.Restored)
		require.Contains(t, vm.Note, "booted cold: ")
		stop(t, vm)
	})
	t.Run("cold", func(t *testing.T) {
		cold := config
		cold.Cold = true
		vm := start(t, cold)
		require.False(t, vm.Restored)
		require.Empty(t, vm.Note, "it was asked for")
		require.Zero(t, vm.ColdBootDuration)
		stop(t, vm)
	})
}

// killSaver kills a vmtest that is booting a machine to save it. Its QEMU dies
// with it, and there is no snapshot that somebody might use.
func killSaver(t *testing.T, cache string) {
	cmd := exec.Command(program(), "exec", "--kernel", series()[0], "--", "true")
	cmd.Env = append(os.Environ(), "VMTEST_CACHE="+cache)
	require.NoError(t, cmd.Start())
	require.Eventually(t, func() bool { return len(snapshotFiles(t, cache, "ram")) > 0 },
		5*time.Minute, 20*time.Millisecond)
	ram := snapshotFiles(t, cache, "ram")[0]
	require.NotEmpty(t, users(ram))
	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait()
	require.Empty(t, snapshotFiles(t, cache, "record.json"))
	require.Eventually(t, func() bool { return len(users(ram)) == 0 }, time.Minute, 20*time.Millisecond)
}

// users are the processes that have a file mapped.
func users(path string) (pids []string) {
	maps, _ := filepath.Glob("/proc/[0-9]*/maps")
	for _, name := range maps {
		if data, err := os.ReadFile(name); err == nil && strings.Contains(string(data), path) {
			pids = append(pids, name)
		}
	}
	return pids
}
