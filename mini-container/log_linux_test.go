package minicontainer

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRotating(t *testing.T) {
	dir := t.TempDir()
	now, old := filepath.Join(dir, logFile), filepath.Join(dir, oldLogFile)
	r, err := newRotating(now, old, 10)
	require.NoError(t, err)
	for _, text := range []string{"12345", "67890", "abc", "longer than the limit", "x"} {
		n, err := r.Write([]byte(text))
		require.NoError(t, err)
		require.Equal(t, len(text), n)
	}
	require.NoError(t, r.file.Close())
	for path, want := range map[string]string{now: "x", old: "longer than the limit"} {
		got, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, want, string(got))
	}
}

// TestFollowFile: nothing is lost or repeated while the file is put aside. The
// writer waits for the reader, so no file is put aside twice unread.
func TestFollowFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, logFile)
	r, err := newRotating(path, filepath.Join(dir, oldLogFile), 40)
	require.NoError(t, err)
	var over atomic.Bool
	read := make(chan string)
	go func() {
		for _, word := range strings.Fields("one two three four five six seven") {
			text := word + strings.Repeat(".", 20)
			_, _ = r.Write([]byte(text))
			for got := ""; got != text; {
				got += <-read
			}
		}
		r.file.Close()
		over.Store(true)
	}()
	var got bytes.Buffer
	w := writerFunc(func(p []byte) (int, error) { read <- string(p); return got.Write(p) })
	require.NoError(t, followFile(w, path, func() bool { return !over.Load() }))
	require.Equal(t, "onetwothreefourfivesixseven", strings.ReplaceAll(got.String(), ".", ""))
	require.ErrorIs(t, followFile(&got, filepath.Join(dir, "none"), func() bool { return false }), os.ErrNotExist)
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
