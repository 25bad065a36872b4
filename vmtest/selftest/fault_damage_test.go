//go:build selftest && linux

package selftest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/vmtest"
)

// damagedCache is a cache of our own with the same kernels, in which the disks
// of one kind are blank.
func damagedCache(t *testing.T, kind string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"apt", "images", "kernels", "modules"} {
		if name != kind {
			require.NoError(t, os.Symlink(filepath.Join(cacheDir(t), name), filepath.Join(dir, name)))
		}
	}
	for _, pattern := range []string{"*.ext4", "*/root.ext4", "*/image.json"} {
		files, err := filepath.Glob(filepath.Join(cacheDir(t), kind, pattern))
		require.NoError(t, err)
		for _, file := range files {
			name, err := filepath.Rel(cacheDir(t), file)
			require.NoError(t, err)
			blank(t, file, filepath.Join(dir, name))
		}
	}
	return dir
}

// blank copies a file, or only the size of a disk.
func blank(t *testing.T, from, to string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(to), 0o755))
	if filepath.Ext(from) != ".ext4" {
		data, err := os.ReadFile(from)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(to, data, 0o644))
		return
	}
	info, err := os.Stat(from)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(to, nil, 0o644))
	require.NoError(t, os.Truncate(to, info.Size()))
}

// TestFaultDamagedDisks: a disk of the cache that is no file system any more is
// named, with what to do about it.
func TestFaultDamagedDisks(t *testing.T) {
	tests := []struct{ kind, want string }{
		{"images", "mount disk root"},
		{"modules", "mount disk modules"},
	}
	for _, tt := range tests {
		t.Run(tt.kind, func(t *testing.T) {
			cache := damagedCache(t, tt.kind)
			vm, err := vmtest.Boot(t.Context(), vmtest.Config{Kernel: lastSeries(), Init: guestInit(), CacheDir: cache, Cold: true})
			if err == nil {
				_ = vm.Close()
			}
			t.Log(err)
			require.ErrorContains(t, err, tt.want)
			require.ErrorContains(t, err, "the cached disk is damaged: remove "+cache)
		})
	}
}

// TestFaultDamagedKernel: a kernel image whose packed part is damaged stops
// before its first word, and is not waited for.
func TestFaultDamagedKernel(t *testing.T) {
	k := kernel(t, lastSeries())
	data, err := os.ReadFile(k.Image)
	require.NoError(t, err)
	for i := len(data) / 2; i < len(data)/2+4096; i++ {
		data[i] ^= 0x5a
	}
	image := filepath.Join(t.TempDir(), "vmlinuz")
	require.NoError(t, os.WriteFile(image, data, 0o644))
	vm, err := vmtest.Boot(t.Context(), vmtest.Config{Kernel: image + ",modules=" + k.Modules, Init: guestInit(), Cold: true})
	if err == nil {
		_ = vm.Close()
	}
	t.Log(err)
	require.ErrorContains(t, err, "CPU 0 is halted for good, CPU 1 is halted for good")
}
