package vmtest

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/vmtest/internal/kernels"
	"namespaces-cgroups-ebpf/vmtest/internal/kmod"
)

func TestSelectSeries(t *testing.T) {
	c := Config{CacheDir: t.TempDir()}
	all, err := selectSeries(c, nil)
	require.NoError(t, err)
	require.Len(t, all, 5)
	some, err := selectSeries(c, []string{"6.18", "5.10", "6.18", "6.1.180-1"})
	require.NoError(t, err)
	require.Len(t, some, 3, "asked for twice, it is run once")
	require.Equal(t, "6.18", some[0].Series)
	require.False(t, some[0].Optional, "asked for by name, it is wanted")
	require.Equal(t, "6.1.180-1", some[2].Source())
	require.Equal(t, []string{"bookworm-security", "bookworm-updates", "bookworm"}, some[2].Suites)
}

func TestSelectOtherSources(t *testing.T) {
	c := Config{CacheDir: t.TempDir()}
	got, err := selectSeries(c, []string{"a/bzImage", "modules=lib", "b/bzImage", "deb:x/linux-image-1_2_amd64.deb", "y.deb", "host"})
	require.NoError(t, err)
	var names, sources []string
	for _, s := range got {
		names, sources = append(names, s.Series), append(sources, s.Source())
	}
	require.Equal(t, []string{"bzImage", "bzImage-2", "image-1", "host"}, names, "each has a name of its own")
	require.Equal(t, []string{"a/bzImage,modules=lib", "b/bzImage", "deb:x/linux-image-1_2_amd64.deb,y.deb", "host"}, sources)

	for _, wrong := range []string{"4.19", "nosuch", "http://x/vmlinuz", "6.12 "} {
		_, err := selectSeries(c, []string{wrong})
		require.Error(t, err, wrong)
	}
}

// kernelWith is the assets of a kernel without modules, with this .config.
func kernelWith(t *testing.T, config string) *assets {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "6.12.0")
	require.NoError(t, os.Mkdir(dir, 0o755))
	path := ""
	if config != "" {
		path = filepath.Join(dir, "config")
		require.NoError(t, os.WriteFile(path, []byte(config), 0o644))
	}
	index, err := kmod.Load(dir, path)
	require.NoError(t, err)
	return &assets{modules: index, kernel: kernels.Kernel{Release: "6.12.0"}}
}

func TestKernelsWithoutDrivers(t *testing.T) {
	without := kernelWith(t, "CONFIG_VIRTIO_PCI=y\nCONFIG_VIRTIO_CONSOLE=y\n# CONFIG_EXT4_FS is not set\n")
	require.EqualError(t, without.checkDrivers(),
		"kernel 6.12.0 cannot run here: it has neither built in nor as a module: virtio_blk, ext4")

	unknown := kernelWith(t, "")
	require.NoError(t, unknown.checkDrivers(), "only a boot can tell")
	err := unknown.bootFault(errors.New("no answer"), "")
	require.ErrorContains(t, err, "no answer (nothing says what is built into this kernel")
	require.ErrorContains(t, err, "virtio_pci, virtio_blk, virtio_console, ext4)")
	err = unknown.bootFault(errors.New("no answer"), "disk root: none")
	require.ErrorContains(t, err, "nothing says")
	require.NotContains(t, err.Error(), "damaged", "the likelier cause is the kernel")
}
