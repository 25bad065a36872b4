package kmod_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"
	"github.com/ulikunitz/xz"

	"namespaces-cgroups-ebpf/vmtest/internal/kmod"
)

func TestOrder(t *testing.T) {
	dir := tree(t, "kernel/drivers/char/virtio-console.ko\n\n", map[string][]byte{
		"virtio/virtio.ko":      object("license=GPL", "depends="),
		"virtio/virtio-ring.ko": object("depends=virtio"),
		"virtio/virtio_pci.ko":  object("depends=virtio_ring,virtio", "softdep=pre: helper no-such post: later"),
		"misc/helper.ko":        object("depends="),
		"misc/later.ko":         object("depends="),
		"misc/broken.ko":        object("depends=gone"),
		"misc/loop-a.ko":        object("depends=loop_b"),
		"misc/loop-b.ko":        object("depends=loop-a"),
		"misc/soft-a.ko":        object("depends=", "softdep=pre: soft-b"),
		"misc/soft-b.ko":        object("depends=soft-a"),
		"misc/text.ko":          []byte("not ELF"),
	})
	index, err := kmod.Load(dir, "")
	require.NoError(t, err)
	tests := []struct {
		name  string
		names []string
		want  []string
		err   string
	}{
		{name: "nothing"},
		{name: "built in is left out", names: []string{"virtio_console", "virtio-console"}},
		{name: "one without needs", names: []string{"virtio"}, want: []string{"virtio"}},
		{name: "needs first, each once, dashes alike", names: []string{"virtio-pci", "virtio_ring", "virtio_pci"},
			want: []string{"helper", "virtio", "virtio_ring", "virtio_pci"}},
		{name: "soft cycle is no cycle", names: []string{"soft-b"}, want: []string{"soft_a", "soft_b"}},
		{name: "absent", names: []string{"virtio", "virtio_blk"},
			err: "kernel 5.10.0-1-test has neither built-in nor module virtio_blk"},
		{name: "absent dependency names who needs it", names: []string{"broken"},
			err: "module broken: kernel 5.10.0-1-test has neither built-in nor module gone"},
		{name: "cycle", names: []string{"loop_a"}, err: "depend on each other: loop_a > loop_b > loop_a"},
		{name: "not a module", names: []string{"text"}, err: "read module text of kernel 5.10.0-1-test"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := index.Order(tt.names...)
			if tt.err != "" {
				require.ErrorContains(t, err, tt.err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, tt.want, got)
		})
	}
}

func TestReadDecompresses(t *testing.T) {
	module := object("depends=other", "description=x")
	dir := tree(t, "", map[string][]byte{
		"plain.ko":  module,
		"a.ko.gz":   pack(t, module, func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriter(w), nil }),
		"b-c.ko.xz": pack(t, module, func(w io.Writer) (io.WriteCloser, error) { return xz.NewWriter(w) }),
		"d.ko.zst":  pack(t, module, func(w io.Writer) (io.WriteCloser, error) { return zstd.NewWriter(w) }),
		"cut.ko.xz": pack(t, module, func(w io.Writer) (io.WriteCloser, error) { return xz.NewWriter(w) })[:40],
	})
	index, err := kmod.Load(dir, "")
	require.NoError(t, err)
	for _, name := range []string{"plain", "a", "b_c", "d"} {
		got, err := index.Read(name)
		require.NoError(t, err, name)
		require.Equal(t, module, got, name)
		info, err := kmod.ReadInfo(got)
		require.NoError(t, err)
		require.Equal(t, []string{"other"}, info.Depends)
	}
	_, err = index.Read("cut")
	require.ErrorContains(t, err, "cut.ko.xz")
}

// pack compresses data.
func pack(t *testing.T, data []byte, open func(io.Writer) (io.WriteCloser, error)) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := open(&b)
	require.NoError(t, err)
	_, err = w.Write(data)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.Bytes()
}

func TestReadRefuses(t *testing.T) {
	index, err := kmod.Load(tree(t, "kernel/fs/ext4/ext4.ko\n", nil), "")
	require.NoError(t, err)
	_, err = index.Read("ext4")
	require.EqualError(t, err, "kernel 5.10.0-1-test has ext4 built in, not as a module")
	require.True(t, index.Has("ext4"))
	require.False(t, index.Has("xfs"))
}

func TestLoadWithoutBuiltinList(t *testing.T) {
	dir := tree(t, "", map[string][]byte{"extra/own.ko": object("depends=virtio")})
	require.NoError(t, os.Remove(filepath.Join(dir, "modules.builtin")))
	names := []string{"virtio_pci", "virtio_blk", "ext4", "own"}

	index, err := kmod.Load(dir, "")
	require.NoError(t, err)
	require.Empty(t, index.Missing(names...))
	require.Equal(t, []string{"virtio_pci", "virtio_blk", "ext4"}, index.Unsure(names...), "nothing says so")
	order, err := index.Order(names...)
	require.NoError(t, err)
	require.Equal(t, []string{"own"}, order, "what it depends on may be built in")

	config := filepath.Join(t.TempDir(), "config")
	require.NoError(t, os.WriteFile(config, []byte("CONFIG_VIRTIO_PCI=y\nCONFIG_VIRTIO_BLK=m\n# CONFIG_EXT4_FS is not set\n"), 0o644))
	index, err = kmod.Load(dir, config)
	require.NoError(t, err)
	require.Equal(t, []string{"virtio_blk", "ext4"}, index.Missing(names...), "a module without a file is no module")
	require.Empty(t, index.Unsure(names...))
	_, err = index.Order("ext4")
	require.EqualError(t, err, "kernel 5.10.0-1-test has neither built-in nor module ext4")

	_, err = kmod.Load(dir, config+".gone")
	require.ErrorContains(t, err, "load modules of kernel 5.10.0-1-test: read kernel configuration")
}

func TestDepmod(t *testing.T) {
	require.ErrorContains(t, kmod.Depmod(t.Context(), "/elsewhere"), "does not end in lib/modules")
	_, err := exec.LookPath("/usr/sbin/depmod")
	require.NoError(t, err, "ci/install-deps.sh installs kmod")
	dir := tree(t, "", map[string][]byte{"a.ko": object("depends=")})
	require.NoError(t, kmod.Depmod(t.Context(), dir))
	dep, err := os.ReadFile(filepath.Join(dir, "modules.dep"))
	require.NoError(t, err)
	require.Contains(t, string(dep), "kernel/a.ko:")
}
