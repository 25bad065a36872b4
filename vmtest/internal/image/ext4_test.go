package image

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMakeExt4(t *testing.T) {
	failed := errors.New("run mke2fs: exit status 1")
	tests := []struct {
		name, label, log string
		size             int64
		result           error
		err              string
	}{
		{name: "good", size: 4 << 20, label: "payload"},
		{name: "rounded up", size: 4<<20 - 1, label: "modules"},
		{name: "tiny", size: 4096, err: "4096 bytes are fewer than 1048576"},
		{name: "long label", size: 4 << 20, label: "seventeen-letters", err: "longer than 16 bytes"},
		{name: "directory too big", size: 4 << 20, result: failed,
			log: "mke2fs: Could not allocate block in ext2 filesystem while populating file system", err: "does not fit into 4194304 bytes"},
		{name: "disk full", size: 4 << 20, result: failed, log: "write: No space left on device", err: "no space left in "},
		{name: "anything else", size: 4 << 20, result: failed, log: "usage: mke2fs", err: "exit status 1: usage: mke2fs"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "out.ext4")
			var got command
			run := func(_ context.Context, c command) error {
				got = c
				_, _ = c.output.Write([]byte(tt.log))
				return tt.result
			}
			err := makeExt4(context.Background(), run, []string{"as-root"}, t.TempDir(), out, tt.size, tt.label)
			if tt.err != "" {
				require.ErrorContains(t, err, tt.err)
				require.NoFileExists(t, out)
				return
			}
			require.NoError(t, err)
			require.Equal(t, []string{"as-root", "mke2fs"}, got.argv[:2])
			info, err := os.Stat(out)
			require.NoError(t, err)
			require.EqualValues(t, 4<<20, info.Size())
		})
	}
}

func TestMakeExt4KeepsWhatIsThere(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out.ext4")
	require.NoError(t, os.WriteFile(out, []byte("mine"), 0o644))
	err := makeExt4(context.Background(), nil, nil, t.TempDir(), out, 4<<20, "x")
	require.ErrorIs(t, err, os.ErrExist)
	require.FileExists(t, out)
}

func TestInodes(t *testing.T) {
	dir := t.TempDir()
	for _, name := range strings.Split("abcdefgh", "") {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), nil, 0o644))
	}
	require.EqualValues(t, 9+9/8+spareInodes, inodes(dir, 1<<20), "as many as the directory needs")
	require.EqualValues(t, 65536, inodes(dir, 1<<30), "as many as a disk of that size has")
}

func TestScratch(t *testing.T) {
	out := filepath.Join(t.TempDir(), "scratch")
	require.NoError(t, Scratch(out, 1<<30))
	info, err := os.Stat(out)
	require.NoError(t, err)
	require.EqualValues(t, 1<<30, info.Size())
	require.ErrorIs(t, Scratch(out, 1), os.ErrExist)
}
