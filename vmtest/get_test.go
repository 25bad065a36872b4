package vmtest

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/vmtest/internal/wire"
)

// file is one member of an archive that a guest sends.
type file struct {
	header tar.Header
	data   string
}

func regular(name, data string) file {
	return file{tar.Header{Typeflag: tar.TypeReg, Name: name, Size: int64(len(data)), Mode: 0o600}, data}
}

func archive(t *testing.T, files ...file) string {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range files {
		require.NoError(t, w.WriteHeader(&f.header))
		_, err := w.Write([]byte(f.data))
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return b.String()
}

// answer sends an archive in pieces and ends it.
func (g *fakeGuest) answer(data string, end wire.DataEnd) {
	id := g.next(wire.TypeGet).ID
	for len(data) > 0 {
		n := min(700, len(data))
		g.raw(wire.TypeData, id, data[:n])
		data = data[n:]
	}
	g.send(wire.TypeDataEnd, id, end)
}

func TestGet(t *testing.T) {
	g, dir := readyGuest(t), t.TempDir()
	data := archive(t, regular("run.json", "{}"), regular("sub/deep/events.jsonl", "1\n2\n"), regular("empty", ""))
	go g.answer(data, wire.DataEnd{SizeBytes: int64(len(data)), FileCount: 3})
	require.NoError(t, g.vm.Get(t.Context(), "/run/vmtest/out/a", dir))
	for name, want := range map[string]string{"run.json": "{}", "sub/deep/events.jsonl": "1\n2\n", "empty": ""} {
		got, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		require.Equal(t, want, string(got))
	}
	require.False(t, isClosed(g.vm.session.ended))
}

// TestGetFromHostileGuest: nothing is ever made outside of dir, and nothing
// but regular files in it.
func TestGetFromHostileGuest(t *testing.T) {
	special := func(name string, kind byte, link string) file {
		return file{tar.Header{Typeflag: kind, Name: name, Linkname: link, Mode: 0o777}, ""}
	}
	tests := []struct {
		name  string
		files []file
		want  string
	}{
		{"parent", []file{regular("../escaped", "x")}, `refuse file name "../escaped"`},
		{"parent inside", []file{regular("a/../../escaped", "x")}, "refuse file name"},
		{"absolute", []file{regular("/tmp/escaped", "x")}, `refuse file name "/tmp/escaped"`},
		{"directory itself", []file{regular(".", "x")}, "create .:"},
		{"symbolic link", []file{special("a", tar.TypeSymlink, "/etc"), regular("a/escaped", "x")}, "not a regular file"},
		{"hard link", []file{special("a", tar.TypeLink, "/etc/passwd")}, "not a regular file"},
		{"FIFO", []file{special("a", tar.TypeFifo, "")}, "not a regular file"},
		{"device", []file{special("a", tar.TypeChar, "")}, "not a regular file"},
		{"directory", []file{special("a", tar.TypeDir, "")}, "not a regular file"},
		{"same name twice", []file{regular("a", "1"), regular("a", "2")}, "create a:"},
		{"file as directory", []file{regular("a", "1"), regular("a/b", "2")}, "a/b"},
		{"too large", []file{regular("a", string(make([]byte, getLimitBytes/2))), regular("b", string(make([]byte, getLimitBytes/2+1)))}, `refuse "b"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g, parent := readyGuest(t), t.TempDir()
			dir := filepath.Join(parent, "dir")
			require.NoError(t, os.Mkdir(dir, 0o755))
			data := archive(t, tt.files...)
			go func() {
				id := g.next(wire.TypeGet).ID
				for rest := data; len(rest) > 0; {
					n := min(wire.MaxStreamBytes, len(rest))
					g.raw(wire.TypeData, id, rest[:n])
					rest = rest[n:]
				}
				g.send(wire.TypeDataEnd, id, wire.DataEnd{SizeBytes: int64(len(data)), FileCount: len(tt.files)})
			}()
			err := g.vm.Get(t.Context(), "/out", dir)
			require.ErrorContains(t, err, tt.want)
			siblings, err := os.ReadDir(parent)
			require.NoError(t, err)
			require.Len(t, siblings, 1)
			require.NoFileExists(t, "/tmp/escaped")
			entries, err := os.ReadDir(dir)
			require.NoError(t, err)
			for _, e := range entries {
				require.True(t, e.Type().IsRegular() || e.IsDir(), e.Name())
			}
		})
	}
}

// TestGetSparse: an archive of two kilobytes that says it holds a terabyte of
// zeros must not fill the host's disk. This is the old GNU form, which a guest
// could write by hand.
func TestGetSparse(t *testing.T) {
	g := readyGuest(t)
	header := []byte(archive(t, regular("big", ""))[:512])
	header[156] = tar.TypeGNUSparse
	copy(header[257:], "ustar  \x00")
	copy(header[483:], []byte{0x80, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0}) // realsize 1 TiB, base 256
	copy(header[386:], "00000000000\x0000000000000\x00")              // one fragment of no bytes
	copy(header[148:], "        ")
	sum := 0
	for _, b := range header {
		sum += int(b)
	}
	copy(header[148:], fmt.Sprintf("%06o\x00 ", sum))
	data := string(header) + string(make([]byte, 1024))
	go g.answer(data, wire.DataEnd{SizeBytes: int64(len(data)), FileCount: 1})
	require.ErrorContains(t, g.vm.Get(t.Context(), "/out", t.TempDir()), `refuse "big" from the guest`)
}

func TestGetFaults(t *testing.T) {
	good := func(t *testing.T) string { return archive(t, regular("a", "1")) }
	tests := []struct {
		name string
		play func(t *testing.T, g *fakeGuest)
		want string
		lost bool // the session ends too
	}{
		{"size mismatch", func(t *testing.T, g *fakeGuest) {
			g.answer(good(t), wire.DataEnd{SizeBytes: 5, FileCount: 1})
		}, "guest counts 5 bytes of data", true},
		{"count mismatch", func(t *testing.T, g *fakeGuest) {
			data := good(t)
			g.answer(data, wire.DataEnd{SizeBytes: int64(len(data)), FileCount: 2})
		}, "guest counts 2 files, 1 came", false},
		{"archive cut off", func(t *testing.T, g *fakeGuest) {
			data := archive(t, regular("a", string(make([]byte, 2000))))[:1024]
			g.answer(data, wire.DataEnd{SizeBytes: int64(len(data)), FileCount: 1})
		}, "unexpected EOF", false},
		{"no archive", func(_ *testing.T, g *fakeGuest) {
			data := fmt.Sprintf("%1024s", "no tar")
			g.answer(data, wire.DataEnd{SizeBytes: int64(len(data))})
		}, "read archive", false},
		{"error of the guest", func(_ *testing.T, g *fakeGuest) {
			g.send(wire.TypeError, g.next(wire.TypeGet).ID, wire.Error{Message: "more than 4096 files"})
		}, "more than 4096 files", false},
		{"nothing there", func(_ *testing.T, g *fakeGuest) {
			g.send(wire.TypeError, g.next(wire.TypeGet).ID, wire.Error{Message: "no such file", Missing: true})
		}, "no such file", false},
		{"guest vanishes", func(t *testing.T, g *fakeGuest) {
			g.raw(wire.TypeData, g.next(wire.TypeGet).ID, good(t)[:512])
			_ = g.conn.Close()
		}, "guest lost", true},
		{"frame of a command", func(_ *testing.T, g *fakeGuest) {
			g.raw(wire.TypeStdout, g.next(wire.TypeGet).ID, "x")
		}, "unexpected stdout frame for a transfer", true},
		{"endless", func(t *testing.T, g *fakeGuest) {
			id := g.next(wire.TypeGet).ID
			g.raw(wire.TypeData, id, good(t))
			piece := string(make([]byte, wire.MaxStreamBytes))
			for range (getLimitBytes+getOverheadBytes)/wire.MaxStreamBytes + 1 {
				g.raw(wire.TypeData, id, piece)
			}
		}, "guest sent more than", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := readyGuest(t)
			go tt.play(t, g)
			err := g.vm.Get(t.Context(), "/out", t.TempDir())
			require.ErrorContains(t, err, tt.want)
			if tt.lost {
				require.ErrorIs(t, err, ErrLost)
				require.ErrorIs(t, g.ending(), ErrLost)
				return
			}
			require.NotErrorIs(t, err, ErrLost)
			require.False(t, isClosed(g.vm.session.ended))
		})
	}
}

// TestGetCancelled: the caller goes on at once, and what the guest still sends
// for that id breaks nothing.
func TestGetCancelled(t *testing.T) {
	g := readyGuest(t)
	ctx, cancel := context.WithTimeoutCause(t.Context(), 20*time.Millisecond, fmt.Errorf("%w: too late", ErrLost))
	defer cancel()
	err := g.vm.Get(ctx, "/out", t.TempDir())
	require.ErrorIs(t, err, ErrLost)
	require.ErrorContains(t, err, "too late")
	data := archive(t, regular("a", "1"))
	g.answer(data, wire.DataEnd{SizeBytes: int64(len(data)), FileCount: 1})
	go g.send(wire.TypeHeartbeat, 0, wire.Heartbeat{})
	go func() { g.send(wire.TypeExit, g.next(wire.TypeRun).ID, wire.Exit{}) }()
	require.NoError(t, g.vm.Command("true").Run())
}

func TestGetIntoNothing(t *testing.T) {
	g := readyGuest(t)
	require.ErrorIs(t, g.vm.Get(t.Context(), "/out", filepath.Join(t.TempDir(), "nosuch")), os.ErrNotExist)
}
