package vmtest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/vmtest/internal/plan"
	"namespaces-cgroups-ebpf/vmtest/internal/verdict"
	"namespaces-cgroups-ebpf/vmtest/internal/wire"
)

const tourList = `{"schema":"recipe-list/v1"`

// playEntry runs one entry against a guest that is played.
func playEntry(t *testing.T, ctx context.Context, change func(*plan.Entry), play func(*fakeGuest)) (verdict.Run, string, error) {
	g := readyGuest(t)
	wait(t, g.vm.session.ready)
	r := entryRun{vm: g.vm, seed: 42, dir: filepath.Join(t.TempDir(), "bpf-tour", "list"), entry: plan.Entry{
		Deliverable: "bpf-tour", ID: "list", Argv: []string{"bpf-tour", "list"}, Result: plan.ResultExit,
		TimeoutNS: int64(patience), Artifacts: []plan.Artifact{{Path: "out.json", Schema: "recipe-list/v1"}},
	}}
	if change != nil {
		change(&r.entry)
	}
	go play(g)
	record, lost := r.run(ctx)
	return record, r.dir, lost
}

func started(g *fakeGuest) (id uint32, asked wire.Run) {
	f := g.next(wire.TypeRun)
	_ = f.JSON(&asked)
	g.send(wire.TypeStarted, f.ID, wire.Started{})
	g.next(wire.TypeStdinClose)
	return f.ID, asked
}

func TestEntryThatNeedsRootIsRoot(t *testing.T) {
	var asked wire.Run
	_, _, _ = playEntry(t, t.Context(), func(e *plan.Entry) { e.Needs.Root = true }, func(g *fakeGuest) {
		_, asked = started(g)
		_ = g.conn.Close()
	})
	require.Zero(t, asked.UID)
	require.Zero(t, asked.GID)
}

func TestEntryIsRecorded(t *testing.T) {
	var asked wire.Run
	record, dir, lost := playEntry(t, t.Context(), nil, func(g *fakeGuest) {
		var id uint32
		id, asked = started(g)
		g.raw(wire.TypeStdout, id, "out")
		g.raw(wire.TypeStderr, id, "err")
		g.send(wire.TypeKmsg, 0, wire.Kmsg{Seq: 0, Text: "line", TimeNS: 1500000000})
		g.send(wire.TypeExit, id, wire.Exit{Code: 1, StdoutBytes: 3})
		data := archive(t, regular("out.json", tourList+"}"))
		g.answer(data, wire.DataEnd{SizeBytes: int64(len(data)), FileCount: 1})
	})
	require.NoError(t, lost)
	require.Equal(t, "bpf-tour/list", record.ID)
	require.Equal(t, 1, record.Exit.Code)
	require.Equal(t, "out", string(record.Stdout))
	require.Len(t, record.Kmsg, 1)
	require.Empty(t, record.Fault)
	require.Len(t, record.Artifacts, 1)
	require.NotEmpty(t, record.Artifacts[0].Report.Problems, "it is validated here, whoever wrote it")
	for name, want := range map[string]string{
		"stdout.log": "out", "stderr.log": "err", "kmsg.log": "[    1.500000] <0> line\n", "artifacts/out.json": tourList + "}",
	} {
		got, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		require.Equal(t, want, string(got))
	}
	require.Equal(t, []string{"bpf-tour", "list"}, asked.Argv)
	require.EqualValues(t, nobody, asked.UID, "root only for who needs it")
	require.EqualValues(t, nobody, asked.GID)
	require.Contains(t, asked.Env, "VMTEST_SEED=42")
	require.Contains(t, asked.Env, "VMTEST_BIN=/payload/bin/bpf-tour")
	require.Contains(t, asked.Env, "VMTEST_OUT="+asked.OutDir)
}

func TestEntryFaults(t *testing.T) {
	empty := archive(t)
	tests := []struct {
		name  string
		play  func(*fakeGuest)
		lost  string // why the VM is given up; "" if it is not
		check func(*testing.T, verdict.Run)
	}{
		{"artifact missing", func(g *fakeGuest) {
			id, _ := started(g)
			g.send(wire.TypeExit, id, wire.Exit{})
			g.answer(empty, wire.DataEnd{SizeBytes: int64(len(empty))})
		}, "", func(t *testing.T, r verdict.Run) { require.True(t, r.Artifacts[0].Missing) }},
		{"not started", func(g *fakeGuest) {
			g.send(wire.TypeExit, g.next(wire.TypeRun).ID, wire.Exit{Code: 127, Error: "no such file"})
		}, "", func(t *testing.T, r verdict.Run) { require.Equal(t, "no such file", r.Exit.Error) }},
		{"guest vanishes", func(g *fakeGuest) {
			started(g)
			_ = g.conn.Close()
		}, "guest lost", func(t *testing.T, r verdict.Run) { require.Nil(t, r.Exit) }},
		{"guest vanishes before the start", func(g *fakeGuest) {
			g.next(wire.TypeRun)
			_ = g.conn.Close()
		}, "guest lost", func(t *testing.T, r verdict.Run) { require.Nil(t, r.Exit) }},
		{"guest vanishes with the artifacts", func(g *fakeGuest) {
			id, _ := started(g)
			g.send(wire.TypeExit, id, wire.Exit{})
			g.next(wire.TypeGet)
			_ = g.conn.Close()
		}, "guest lost", func(t *testing.T, r verdict.Run) { require.Empty(t, r.Artifacts) }},
		{"artifacts refused", func(g *fakeGuest) {
			id, _ := started(g)
			g.send(wire.TypeExit, id, wire.Exit{})
			g.send(wire.TypeError, g.next(wire.TypeGet).ID, wire.Error{Message: "files exceed the size limit"})
		}, "", func(t *testing.T, r verdict.Run) { require.Contains(t, r.Refused, "files exceed the size limit") }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			record, _, lost := playEntry(t, t.Context(), nil, tt.play)
			if tt.lost == "" {
				require.NoError(t, lost)
			} else {
				require.ErrorIs(t, lost, ErrLost)
				require.ErrorContains(t, lost, tt.lost)
			}
			tt.check(t, record)
		})
	}
}

// TestEntryTimesOut: SIGQUIT first, for the stacks; the exit it leads to is
// recorded, and is a timeout whatever its code.
func TestEntryTimesOut(t *testing.T) {
	record, _, lost := playEntry(t, t.Context(), func(e *plan.Entry) { e.TimeoutNS, e.Artifacts = 1e6, nil }, func(g *fakeGuest) {
		id := g.next(wire.TypeRun).ID // it does not even start in time
		var signal wire.Signal
		_ = g.next(wire.TypeSignal).JSON(&signal)
		require.Equal(t, int(syscall.SIGQUIT), signal.Num)
		g.send(wire.TypeStarted, id, wire.Started{})
		g.send(wire.TypeExit, id, wire.Exit{})
		for f := range g.frames {
			if f.Type == wire.TypeGet {
				data := archive(t)
				g.raw(wire.TypeData, f.ID, data)
				g.send(wire.TypeDataEnd, f.ID, wire.DataEnd{SizeBytes: int64(len(data))})
				return
			}
		}
	})
	require.NoError(t, lost)
	require.True(t, record.TimedOut)
	require.NotNil(t, record.Exit)
}

// TestEntryIsInterrupted: a test that we killed has not failed.
func TestEntryIsInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	record, _, lost := playEntry(t, ctx, nil, func(g *fakeGuest) {
		id, _ := started(g)
		cancel()
		g.next(wire.TypeSignal)
		g.send(wire.TypeExit, id, wire.Exit{Code: 137, Signal: 9})
	})
	require.ErrorIs(t, lost, errInterrupted)
	require.Nil(t, record.Exit)
}

func TestEntryWithoutOutputDirectory(t *testing.T) {
	blocked := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(blocked, nil, 0o644))
	r := entryRun{vm: readyGuest(t).vm, dir: filepath.Join(blocked, "list")}
	record, lost := r.run(t.Context())
	require.NoError(t, lost)
	require.Contains(t, record.Fault, "make output directory")
}

// TestValidateOpensRegularFilesOnly: a link or a FIFO in the place of an
// artifact is neither followed nor waited for.
func TestValidateOpensRegularFilesOnly(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret.json")
	require.NoError(t, os.WriteFile(secret, []byte("{}"), 0o600))
	tests := []struct {
		name string
		make func(path string) error
		want string
	}{
		{"symbolic link", func(p string) error { return os.Symlink(secret, p) }, "not a regular file"},
		{"dangling link", func(p string) error { return os.Symlink("nosuch", p) }, "not a regular file"},
		{"FIFO", func(p string) error { return syscall.Mkfifo(p, 0o600) }, "not a regular file"},
		{"directory", func(p string) error { return os.Mkdir(p, 0o700) }, "not a regular file"},
	}
	for _, tt := range tests {
		for _, name := range []string{"out.json", plan.Stdout} {
			t.Run(tt.name+" "+name, func(t *testing.T) {
				dir := t.TempDir()
				require.NoError(t, os.Mkdir(filepath.Join(dir, "artifacts"), 0o755))
				path := filepath.Join(dir, "artifacts", name)
				if name == plan.Stdout {
					path = filepath.Join(dir, "stdout.log")
				}
				require.NoError(t, tt.make(path))
				a, err := (&entryRun{dir: dir}).validate(plan.Artifact{Path: name, Schema: "doctor/v1"})
				require.ErrorContains(t, err, tt.want)
				require.Nil(t, a.Report)
			})
		}
	}
	t.Run("link out of the directory", func(t *testing.T) {
		dir := t.TempDir()
		require.NoError(t, os.Mkdir(filepath.Join(dir, "artifacts"), 0o755))
		require.NoError(t, os.Symlink(filepath.Dir(secret), filepath.Join(dir, "artifacts", "sub")))
		_, err := (&entryRun{dir: dir}).validate(plan.Artifact{Path: "sub/secret.json", Schema: "doctor/v1"})
		require.ErrorContains(t, err, "escapes")
	})
}

func TestHeadBuffer(t *testing.T) {
	h := &headBuffer{limit: 5}
	for _, s := range []string{"abc", "def", "ghi"} {
		n, err := h.Write([]byte(s))
		require.NoError(t, err)
		require.Equal(t, 3, n)
	}
	require.Equal(t, "abcde", string(h.Bytes()))
}

type brokenFile struct{ brokenWriter }

func (brokenFile) Close() error { return errors.New("cannot close") }

func TestDiskWriter(t *testing.T) {
	d := &diskWriter{w: brokenFile{}}
	n, err := d.Write([]byte("abc"))
	require.NoError(t, err, "the channel goes on")
	require.Equal(t, 3, n)
	require.ErrorContains(t, d.Close(), "broken")
	require.ErrorContains(t, d.Close(), "cannot close")
	require.Equal(t, "xyz", tail([]byte(strings.Repeat("w", 9)+"xyz"), 3))
}
