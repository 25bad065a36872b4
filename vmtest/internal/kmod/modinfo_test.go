package kmod_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/vmtest/internal/kmod"
)

func TestNormalise(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"plain", "ext4", "ext4"},
		{"dashes", "virtio-pci", "virtio_pci"},
		{"path", "kernel/drivers/block/virtio-blk.ko", "virtio_blk"},
		{"compressed", "a.ko.zst", "a"},
		{"only a suffix stays", ".ko", ".ko"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			require.Equal(t, tt.want, kmod.Normalise(tt.in))
		})
	}
}

func TestReadInfo(t *testing.T) {
	info, err := kmod.ReadInfo(object("alias=x", "depends=a-b, c,,", "softdep=post: q pre: p1 p-2", "softdep=pre: p3", "noequals"))
	require.NoError(t, err)
	require.Equal(t, kmod.Info{Depends: []string{"a_b", "c"}, SoftPre: []string{"p1", "p_2", "p3"}}, info)
}

func FuzzReadInfo(f *testing.F) {
	f.Add(object("depends=a,b", "softdep=pre: c"))
	f.Add(object())
	f.Add([]byte("\x7fELF"))
	f.Fuzz(func(t *testing.T, data []byte) {
		info, err := kmod.ReadInfo(data)
		if err != nil {
			return
		}
		for _, name := range append(info.Depends, info.SoftPre...) {
			require.NotEmpty(t, name)
			require.NotContains(t, name, "-")
		}
	})
}
