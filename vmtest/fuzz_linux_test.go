package vmtest

import (
	"archive/tar"
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzUnpack: whatever a guest sends as an archive, nothing is made outside of
// the directory, nothing but files and directories is made in it, and no more
// than allowed.
func FuzzUnpack(f *testing.F) {
	const limit = 1 << 20
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, name := range []string{"a/b", "../x", "/etc/x"} {
		require.NoError(f, w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: 1, Mode: 0o600}))
		_, err := w.Write([]byte("x"))
		require.NoError(f, err)
	}
	require.NoError(f, w.Close())
	f.Add(b.Bytes())
	f.Add(b.Bytes()[:1024])
	f.Fuzz(func(t *testing.T, data []byte) {
		outside := t.TempDir()
		require.NoError(t, os.Mkdir(filepath.Join(outside, "root"), 0o755))
		root, err := os.OpenRoot(filepath.Join(outside, "root"))
		require.NoError(t, err)
		defer root.Close()
		_, _ = unpack(root, tar.NewReader(bytes.NewReader(data)), limit)
		left, err := os.ReadDir(outside)
		require.NoError(t, err)
		require.Len(t, left, 1, "something was written outside")
		size := int64(0)
		require.NoError(t, filepath.WalkDir(root.Name(), func(_ string, d os.DirEntry, err error) error {
			require.NoError(t, err)
			require.True(t, d.IsDir() || d.Type().IsRegular(), d.Name())
			if info, err := d.Info(); err == nil && d.Type().IsRegular() {
				size += info.Size()
			}
			return nil
		}))
		require.LessOrEqual(t, size, int64(limit))
	})
}

// FuzzJournal: a journal that was written to in any way is read as far as it is
// whole, and can be gone on with.
func FuzzJournal(f *testing.F) {
	f.Add([]byte("{\"schema\":\"vmtest-journal/v1\",\"key\":\"k\",\"seed\":\"7\"}\n{"))
	f.Add([]byte("\n\x00\xff"))
	f.Fuzz(func(t *testing.T, data []byte) {
		out := t.TempDir()
		path := filepath.Join(out, journalFile)
		require.NoError(t, os.WriteFile(path, data, 0o644))
		j, err := openJournal(out, true)
		require.NoError(t, err)
		require.NoError(t, j.Close())
		after, err := os.ReadFile(path)
		require.NoError(t, err)
		require.True(t, bytes.HasPrefix(after, data), "nothing is lost")
		require.True(t, len(after) == 0 || after[len(after)-1] == '\n', "the next line is one of its own")
	})
}

func FuzzMeminfo(f *testing.F) {
	f.Add([]byte("MemTotal: 16 kB\nMemAvailable:  8 kB\n"))
	f.Add([]byte("MemAvailable: -8 kB"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if !bytes.Contains(data, []byte("MemAvailable:")) {
			require.Zero(t, parseMeminfo(data, "MemAvailable"))
		}
		_ = parseMeminfo(data, "MemTotal")
	})
}
