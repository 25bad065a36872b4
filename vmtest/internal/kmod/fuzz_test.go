package kmod_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/vmtest/internal/kmod"
)

// FuzzLoad reads modules.builtin, or a configuration, of a kernel that somebody
// has named.
func FuzzLoad(f *testing.F) {
	f.Add([]byte("kernel/fs/ext4/ext4.ko\n"), false)
	f.Add([]byte("CONFIG_EXT4_FS=y\nCONFIG_VIRTIO_PCI=m\n# CONFIG_X is not set\n"), true)
	f.Fuzz(func(t *testing.T, data []byte, config bool) {
		dir, path := t.TempDir(), filepath.Join(t.TempDir(), "config")
		if !config {
			path = filepath.Join(dir, "modules.builtin")
		}
		require.NoError(t, os.WriteFile(path, data, 0o644))
		index, err := kmod.Load(dir, path)
		if err != nil {
			return
		}
		_, err = index.Read("ext4")
		require.Error(t, err, "there is no file of it")
	})
}
