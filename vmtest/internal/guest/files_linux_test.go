package guest

import (
	"archive/tar"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"namespaces-cgroups-ebpf/vmtest/internal/wire"
)

func outputDir(t *testing.T) string {
	t.Helper()
	dir := fakeRoot(t, map[string]string{"run.json": "{}", "sub/events.jsonl": "{}\n"})
	require.NoError(t, os.Symlink("/etc/passwd", dir+"/link"))
	require.NoError(t, os.Symlink("/etc", dir+"/linked-dir"))
	require.NoError(t, unix.Mkfifo(dir+"/fifo", 0o600))
	return dir
}

func TestGet(t *testing.T) {
	h := startSession(t)
	h.send(wire.TypeGet, 9, wire.Get{Path: outputDir(t)})
	var data bytes.Buffer
	f := h.next()
	for ; f.Type == wire.TypeData; f = h.next() {
		data.Write(f.Payload)
	}
	var end wire.DataEnd
	require.NoError(t, f.JSON(&end))
	require.Equal(t, wire.DataEnd{
		SizeBytes: int64(data.Len()), FileCount: 2, Skipped: []string{"fifo", "link", "linked-dir"},
	}, end)
	got := map[string]string{}
	for r := tar.NewReader(&data); ; {
		header, err := r.Next()
		if err == io.EOF {
			break
		}
		require.NoError(t, err)
		content, err := io.ReadAll(r)
		require.NoError(t, err)
		got[header.Name] = string(content)
	}
	require.Equal(t, map[string]string{"run.json": "{}", "sub/events.jsonl": "{}\n"}, got)
}

func TestGetOneFile(t *testing.T) {
	var data bytes.Buffer
	end, err := archive(&data, wire.Get{Path: outputDir(t) + "/run.json"})
	require.NoError(t, err)
	require.Equal(t, 1, end.FileCount)
	header, err := tar.NewReader(&data).Next()
	require.NoError(t, err)
	require.Equal(t, "run.json", header.Name)
}

func TestGetRefuses(t *testing.T) {
	dir := outputDir(t)
	_, err := archive(io.Discard, wire.Get{Path: dir, LimitBytes: 3})
	require.ErrorContains(t, err, "exceed the size limit")
	_, err = archive(io.Discard, wire.Get{Path: dir + "/none"})
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorIs(t, err, errMissing)
	end, err := archive(io.Discard, wire.Get{Path: dir + "/link"})
	require.NoError(t, err)
	require.Equal(t, []string{"link"}, end.Skipped)
}

// TestGetSince: what was there before is not sent again.
func TestGetSince(t *testing.T) {
	dir := outputDir(t)
	old := time.Now().Add(-time.Hour)
	require.NoError(t, os.Chtimes(dir+"/run.json", old, old))
	end, err := archive(io.Discard, wire.Get{Path: dir, SinceUnixNS: old.Add(time.Minute).UnixNano()})
	require.NoError(t, err)
	require.Equal(t, 1, end.FileCount)
}

// TestGetMissing: the host can tell what is not there from what is refused.
func TestGetMissing(t *testing.T) {
	h := startSession(t)
	for path, want := range map[string]bool{t.TempDir() + "/none": true, "/proc/version/x": false} {
		h.send(wire.TypeGet, 9, wire.Get{Path: path})
		var e wire.Error
		require.NoError(t, h.next().JSON(&e))
		require.Equal(t, want, e.Missing, path)
	}
}

func TestPut(t *testing.T) {
	h := startSession(t)
	path := filepath.Join(t.TempDir(), "new", "file")
	data := bytes.Repeat([]byte("x"), 100_000)
	h.send(wire.TypePut, 5, wire.Put{Path: path, Mode: 0o750})
	_, err := h.enc.Stream(wire.TypeData, 5).Write(data)
	require.NoError(t, err)
	_, err = os.Stat(path)
	require.ErrorIs(t, err, os.ErrNotExist, "half a file must not be seen")
	h.send(wire.TypeDataEnd, 5, wire.DataEnd{SizeBytes: 100_000})
	f := h.next()
	var ack wire.Ack
	require.NoError(t, f.JSON(&ack))
	require.Equal(t, int64(100_000), ack.SizeBytes)
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o750), info.Mode())
}

func TestPutFails(t *testing.T) {
	h := startSession(t)
	h.send(wire.TypePut, 5, wire.Put{Path: "relative"})
	require.NoError(t, h.enc.Encode(wire.TypeData, 5, []byte("x")))
	h.send(wire.TypeDataEnd, 5, wire.DataEnd{})
	require.Equal(t, wire.TypeError, h.next().Type)
}
