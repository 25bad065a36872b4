package state

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

func newStore(t *testing.T) *Store {
	s, err := Open(filepath.Join(t.TempDir(), "state"))
	require.NoError(t, err)
	return s
}

func create(t *testing.T, s *Store, id, status string) *Dir {
	t.Helper()
	d, err := s.Create(&Record{ID: id, Status: status})
	require.NoError(t, err)
	t.Cleanup(d.Close)
	return d
}

// TestSweep: a container is swept if and only if nobody holds its lock and it
// did not end as it should. Closing the lock is what death does.
func TestSweep(t *testing.T) {
	tests := []struct {
		name    string
		prepare func(*testing.T, *Store)
		swept   []string
		kept    []string
	}{
		{"nothing", func(*testing.T, *Store) {}, nil, nil},
		{"alive", func(t *testing.T, s *Store) { create(t, s, "a", Running) }, nil, []string{"a"}},
		{"being set up", func(t *testing.T, s *Store) { create(t, s, "a", Creating) }, nil, []string{"a"}},
		{"killed", func(t *testing.T, s *Store) { create(t, s, "a", Running).Close() }, []string{"a"}, nil},
		{"killed while set up", func(t *testing.T, s *Store) { create(t, s, "a", Creating).Close() }, []string{"a"}, nil},
		{"ended", func(t *testing.T, s *Store) { create(t, s, "a", Stopped).Close() }, nil, []string{"a"}},
		{
			"killed before its record", func(t *testing.T, s *Store) { require.NoError(t, os.Mkdir(filepath.Join(s.dir, "a"), 0o700)) },
			nil, nil,
		},
		{"one of each", func(t *testing.T, s *Store) {
			create(t, s, "a", Running)
			create(t, s, "b", Running).Close()
			create(t, s, "c", Stopped).Close()
		}, []string{"b"}, []string{"a", "c"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newStore(t)
			tt.prepare(t, s)
			var cleaned []string
			swept, err := s.Sweep(func(r *Record) error { cleaned = append(cleaned, r.ID); return nil })
			require.NoError(t, err)
			require.Equal(t, tt.swept, swept)
			require.Equal(t, tt.swept, cleaned)
			require.Equal(t, tt.kept, s.names())
		})
	}
}

func TestSweepKeepsWhatItCannotClean(t *testing.T) {
	s := newStore(t)
	create(t, s, "a", Running).Close()
	create(t, s, "b", Running).Close()
	swept, err := s.Sweep(func(r *Record) error {
		if r.ID == "a" {
			return errors.New("no")
		}
		return nil
	})
	require.ErrorContains(t, err, "clean up after container a: no")
	require.Equal(t, []string{"b"}, swept)
	swept, err = s.Sweep(func(*Record) error { return nil })
	require.NoError(t, err)
	require.Equal(t, []string{"a"}, swept, "it is free for the next sweep")
}

// TestSweepTwice: of many at once each lost container gets one.
func TestSweepTwice(t *testing.T) {
	s := newStore(t)
	for _, id := range []string{"a", "b", "c", "d"} {
		create(t, s, id, Running).Close()
	}
	var cleaned atomic.Int32
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			_, err := s.Sweep(func(*Record) error { cleaned.Add(1); return nil })
			require.NoError(t, err)
		})
	}
	all.Wait()
	require.Equal(t, int32(4), cleaned.Load())
	require.Empty(t, s.names())
}

func TestList(t *testing.T) {
	s := newStore(t)
	alive := create(t, s, "b", Running)
	create(t, s, "a", Running).Close()
	create(t, s, "c", Stopped).Close()
	require.NoError(t, os.Mkdir(filepath.Join(s.dir, "empty"), 0o700))
	all, err := s.List()
	require.NoError(t, err)
	var seen [][2]string
	for _, e := range all {
		seen = append(seen, [2]string{e.ID, e.Status})
	}
	require.Equal(t, [][2]string{{"a", Lost}, {"b", Running}, {"c", Stopped}}, seen)

	require.NoError(t, os.WriteFile(alive.File(recordFile), []byte("x"), 0o600))
	all, err = s.List()
	require.ErrorContains(t, err, "find container b: decode state")
	require.Len(t, all, 2, "the others are listed all the same")
}

func TestCreate(t *testing.T) {
	s := newStore(t)
	d := create(t, s, "a", Creating)
	_, err := s.Create(&Record{ID: "a"})
	require.ErrorIs(t, err, ErrExists)
	_, err = s.Create(&Record{ID: "../a"})
	require.ErrorContains(t, err, "container id")

	require.NoError(t, d.Write(&Record{ID: "a", Status: Running, PID: 7}))
	e, err := s.Get("a")
	require.NoError(t, err)
	require.True(t, e.Alive)
	require.Equal(t, 7, e.PID)
	require.NoError(t, d.Remove())
	_, err = s.Get("a")
	require.ErrorIs(t, err, ErrNotFound)
	_, err = s.Get("../a")
	require.Error(t, err)
}

// TestWrite: there is one record, whole and the newest, and nothing else.
func TestWrite(t *testing.T) {
	s := newStore(t)
	d := create(t, s, "a", Creating)
	for _, status := range []string{Running, Stopped} {
		require.NoError(t, d.Write(&Record{ID: "a", Status: status}))
		r, err := d.read()
		require.NoError(t, err)
		require.Equal(t, status, r.Status)
		entries, err := os.ReadDir(d.path)
		require.NoError(t, err)
		require.Len(t, entries, 2, "%v", entries)
	}
	require.NoError(t, os.RemoveAll(d.path))
	require.Error(t, d.Write(&Record{ID: "a", Status: Running}), "the directory is gone")
}

func TestDelete(t *testing.T) {
	s := newStore(t)
	d := create(t, s, "a", Running)
	clean := func(*Record) error { return nil }
	require.ErrorContains(t, s.Delete("a", clean), "it is running")
	d.Close()
	require.ErrorContains(t, s.Delete("a", func(*Record) error { return errors.New("no") }), "no")
	require.NoError(t, s.Delete("a", clean))
	require.ErrorIs(t, s.Delete("a", clean), ErrNotFound)
}

// TestOpenRefuses: a directory that somebody else could have prepared.
func TestOpenRefuses(t *testing.T) {
	base := t.TempDir()
	open := filepath.Join(base, "open")
	require.NoError(t, os.Mkdir(open, 0o700))
	require.NoError(t, os.Chmod(open, 0o777))
	link := filepath.Join(base, "link")
	require.NoError(t, os.Symlink(base, link))
	file := filepath.Join(base, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	for path, want := range map[string]string{open: "others may write", link: "not a directory", file: "not a directory", base + "/a/b": "no such file"} {
		store, err := Open(path)
		require.ErrorContains(t, err, want)
		require.Nil(t, store, "who forgets the error would use it")
	}
}

// TestParallel: many create, list, sweep and remove at once, and no live one
// is ever cleaned.
func TestParallel(t *testing.T) {
	s := newStore(t)
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			id := "c" + string(rune('a'+i))
			for range 10 {
				d, err := s.Create(&Record{ID: id, Status: Running})
				require.NoError(t, err)
				_, err = s.Sweep(func(r *Record) error { return errors.New(r.ID + " is alive") })
				require.NoError(t, err)
				_, err = s.List()
				require.NoError(t, err)
				require.NoError(t, d.Remove())
			}
		})
	}
	all.Wait()
	require.Empty(t, s.names())
}
