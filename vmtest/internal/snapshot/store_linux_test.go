package snapshot

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const key = "0123abc"

// ramBytes is large enough for holes and several blocks.
const ramBytes = 8 << 20

// fill makes the files of a snapshot: a small one, and a sparse one with data
// that does not begin or end where blocks do.
func fill(_ context.Context, dir string) (Record, error) {
	ram, err := os.Create(filepath.Join(dir, "ram"))
	if err != nil {
		return Record{}, err
	}
	defer ram.Close()
	for _, at := range []int64{1000, 3<<20 - 3, 5 << 20} {
		if _, err := ram.WriteAt([]byte("a page of memory"), at); err != nil {
			return Record{}, err
		}
	}
	err = errors.Join(ram.Truncate(ramBytes), os.WriteFile(filepath.Join(dir, "state"), []byte("registers"), 0o600))
	return Record{ColdBoot: 7 * time.Second, SharedRAM: true, Hello: json.RawMessage(`{"protocol":1}`)}, err
}

func newStore(t *testing.T) Store { return Store{Dir: filepath.Join(t.TempDir(), "snapshots")} }

func mustMake(t *testing.T, s Store, key string) *Snapshot {
	t.Helper()
	made, err := s.Make(t.Context(), key, fill)
	require.NoError(t, err)
	t.Cleanup(func() { _ = made.Close() })
	return made
}

func TestMakeAndOpen(t *testing.T) {
	s := newStore(t)
	_, err := s.Open(key)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.NoError(t, mustMake(t, s, key).Verify())

	opened, err := s.Open(key)
	require.NoError(t, err)
	defer opened.Close()
	require.Equal(t, 7*time.Second, opened.ColdBoot)
	require.True(t, opened.SharedRAM)
	require.JSONEq(t, `{"protocol":1}`, string(opened.Hello))
	require.NoError(t, opened.Verify())
	_, err = s.Open("0123abd")
	require.ErrorIs(t, err, fs.ErrNotExist, "one for something else is never found")
	require.NoFileExists(t, s.path(key)+tempSuffix)
}

// TestDamage: whatever is wrong with a snapshot is noticed, and the next maker
// replaces it.
func TestDamage(t *testing.T) {
	write := func(name string, at int64, text string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			f, err := os.OpenFile(filepath.Join(dir, name), os.O_RDWR, 0)
			require.NoError(t, err)
			_, err = f.WriteAt([]byte(text), at)
			require.NoError(t, errors.Join(err, f.Close()))
		}
	}
	tests := []struct {
		name   string
		damage func(t *testing.T, dir string)
	}{
		{"flipped in data", write("ram", 1003, "X")},
		{"flipped at the end of data", write("ram", 5<<20+15, "X")},
		{"written into a hole", write("ram", 7<<20, "X")},
		{"zeroed", write("ram", 5<<20, "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00")},
		{"flipped in a small file", write("state", 2, "G")},
		{"truncated", func(t *testing.T, dir string) { require.NoError(t, os.Truncate(filepath.Join(dir, "state"), 3)) }},
		{"truncated within a hole", func(t *testing.T, dir string) {
			require.NoError(t, os.Truncate(filepath.Join(dir, "ram"), ramBytes-4096))
		}},
		{"missing file", func(t *testing.T, dir string) { require.NoError(t, os.Remove(filepath.Join(dir, "ram"))) }},
		{"link in a file's place", func(t *testing.T, dir string) {
			path := filepath.Join(dir, "state")
			require.NoError(t, errors.Join(os.Remove(path), os.Symlink("/etc/passwd", path)))
		}},
		{"missing record", func(t *testing.T, dir string) { require.NoError(t, os.Remove(filepath.Join(dir, recordName))) }},
		{"empty record", func(t *testing.T, dir string) {
			require.NoError(t, os.WriteFile(filepath.Join(dir, recordName), nil, 0o600))
		}},
		{"changed record", func(t *testing.T, dir string) {
			path := filepath.Join(dir, recordName)
			data, err := os.ReadFile(path)
			require.NoError(t, err)
			var e envelope
			require.NoError(t, json.Unmarshal(data, &e))
			e.Record.ColdBoot = 1
			data, err = json.Marshal(e)
			require.NoError(t, errors.Join(err, os.WriteFile(path, data, 0o600)))
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newStore(t)
			first := mustMake(t, s, key)
			require.NoError(t, first.Verify(), "remembering that is no excuse")
			tt.damage(t, s.path(key))
			snapshot, err := s.Open(key)
			if err == nil {
				err = snapshot.Verify()
				require.NoError(t, snapshot.Discard(t.Context()))
				require.NoError(t, snapshot.Close())
			}
			require.ErrorIs(t, err, ErrDamaged)
			require.NoError(t, mustMake(t, s, key).Verify())
		})
	}
}

// TestRecordOfAnother: a snapshot that was moved is of something else.
func TestRecordOfAnother(t *testing.T) {
	s := newStore(t)
	mustMake(t, s, key)
	require.NoError(t, os.Rename(s.path(key), s.path("fedcba")))
	_, err := s.Open("fedcba")
	require.ErrorIs(t, err, ErrDamaged)
	require.ErrorContains(t, err, "record is of 0123abc, want fedcba")
}

// TestDigestIgnoresHoles: a copy that fills or digs holes is as good.
func TestDigestIgnoresHoles(t *testing.T) {
	s := newStore(t)
	made := mustMake(t, s, key)
	ram := made.Path("ram")
	data, err := os.ReadFile(ram)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(ram, data, 0o600)) // without holes
	require.NoError(t, made.Verify())
}

// TestMakersAtOnce: of several, one makes it and all get it.
func TestMakersAtOnce(t *testing.T) {
	s := newStore(t)
	var mu sync.Mutex
	fills := 0
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			made, err := s.Make(t.Context(), key, func(ctx context.Context, dir string) (Record, error) {
				mu.Lock()
				fills++
				mu.Unlock()
				time.Sleep(20 * time.Millisecond)
				return fill(ctx, dir)
			})
			if err == nil {
				err = errors.Join(made.Verify(), made.Close())
			}
			require.NoError(t, err)
		})
	}
	all.Wait()
	require.Equal(t, 1, fills)
}

func TestMakeFails(t *testing.T) {
	s := newStore(t)
	broken := errors.New("no boot")
	_, err := s.Make(t.Context(), key, func(_ context.Context, dir string) (Record, error) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "ram"), nil, 0o600))
		return Record{}, broken
	})
	require.ErrorIs(t, err, broken)
	require.NoDirExists(t, s.path(key))
	require.NoDirExists(t, s.path(key)+tempSuffix)

	unlock, err := s.lock(t.Context(), key)
	require.NoError(t, err)
	defer unlock()
	ctx, cancel := context.WithTimeoutCause(t.Context(), time.Millisecond, errors.New("out of patience"))
	defer cancel()
	_, err = s.Make(ctx, key, fill)
	require.ErrorContains(t, err, "wait for another maker of the snapshot: out of patience")

	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err = Store{Dir: filepath.Join(file, "snapshots")}.Make(t.Context(), key, fill)
	require.ErrorContains(t, err, "make snapshot")
}

// TestKilledMaker: what it left neither counts nor stays.
func TestKilledMaker(t *testing.T) {
	s := newStore(t)
	left := s.path(key) + tempSuffix
	require.NoError(t, os.MkdirAll(left, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(left, "ram"), []byte("half"), 0o600))
	_, err := s.Open(key)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.NoError(t, mustMake(t, s, key).Verify())
	require.NoDirExists(t, left)
}

// TestDiscardOnce: who finds damage late does not remove what has been made
// anew meanwhile.
func TestDiscardOnce(t *testing.T) {
	s := newStore(t)
	early, late := mustMake(t, s, key), mustMake(t, s, key)
	require.NoError(t, early.Discard(t.Context()))
	require.NoDirExists(t, s.path(key))
	mustMake(t, s, key)
	require.NoError(t, late.Discard(t.Context()))
	require.DirExists(t, s.path(key))
}
