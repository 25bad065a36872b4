package qemu

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCreateQcow2(t *testing.T) {
	path := filepath.Join(t.TempDir(), "disk.qcow2")
	require.NoError(t, CreateQcow2(path, 3<<30+512))
	disk, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Len(t, disk, 4*clusterBytes)
	be := binary.BigEndian
	require.Equal(t, "QFI\xfb", string(disk[:4]))
	require.Equal(t, uint32(3), be.Uint32(disk[4:]), "version")
	require.Zero(t, be.Uint64(disk[8:]), "what is below it is said on the command line")
	require.Equal(t, uint64(3<<30+512), be.Uint64(disk[24:]), "size")
	require.Equal(t, uint32(7), be.Uint32(disk[36:]), "L1 entries, 512 MiB each")
	for cluster := range 5 {
		want := uint16(1)
		if cluster == 4 {
			want = 0
		}
		require.Equal(t, want, be.Uint16(disk[refcountBlockAt+2*cluster:]), "references to cluster %d", cluster)
	}
	require.Equal(t, make([]byte, clusterBytes), disk[l1TableAt:], "nothing is allocated")
	require.ErrorIs(t, CreateQcow2(path, 1<<30), os.ErrExist)
	for _, size := range []int64{0, -1, maxQcow2Bytes + 1} {
		require.ErrorContains(t, CreateQcow2(path+"2", size), "is not within")
	}
}

func TestParsePeak(t *testing.T) {
	tests := []struct {
		name, status string
		want         int64
	}{
		{"usual", "Name:\tqemu\nVmPeak:\t 999 kB\nVmHWM:\t  120576 kB\nVmRSS:\t 100 kB\n", 120576 << 10},
		{"zombie", "Name:\tqemu\nState:\tZ\n", 0},
		{"nonsense", "VmHWM:\tlots kB\n", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { require.Equal(t, tt.want, parsePeak([]byte(tt.status))) })
	}
}
