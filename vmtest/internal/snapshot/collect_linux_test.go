package snapshot

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// aged makes a snapshot that was last used some hours ago.
func aged(t *testing.T, s Store, key string, hours int) {
	made := mustMake(t, s, key)
	require.NoError(t, made.Close())
	used := time.Now().Add(-time.Duration(hours) * time.Hour)
	require.NoError(t, os.Chtimes(filepath.Join(s.path(key), recordName), used, used))
}

func TestCollect(t *testing.T) {
	const plenty = 1 << 30
	size := func(s Store) int64 { return s.entry("new").bytes }
	tests := []struct {
		name   string
		limits func(Store) Limits
		want   []string // what stays
	}{
		{"all fit", func(Store) Limits { return Limits{Bytes: plenty, Age: 100 * time.Hour} }, []string{"new", "old", "older"}},
		{"too old", func(Store) Limits { return Limits{Bytes: plenty, Age: 15 * time.Hour} }, []string{"new", "old"}},
		{"too large", func(s Store) Limits { return Limits{Bytes: 2 * size(s), Age: 100 * time.Hour} }, []string{"new", "old"}},
		{"room for none", func(Store) Limits { return Limits{Bytes: 0, Age: 100 * time.Hour} }, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newStore(t)
			aged(t, s, "new", 0)
			aged(t, s, "old", 10)
			aged(t, s, "older", 20)
			limits := tt.limits(s)
			limits.DryRun = true
			would, err := s.Collect(limits)
			require.NoError(t, err)
			limits.DryRun = false
			removed, err := s.Collect(limits)
			require.NoError(t, err)
			require.Equal(t, would, removed)
			require.Len(t, removed, 3-len(tt.want))
			for _, key := range []string{"new", "old", "older"} {
				_, err := os.Stat(s.path(key))
				_, lockErr := os.Stat(s.path(key) + lockSuffix)
				if slices.Contains(tt.want, key) {
					require.NoError(t, err, key)
				} else {
					require.Error(t, err, key)
					require.Error(t, lockErr, "its lock goes too")
				}
			}
		})
	}
}

func TestCollectSparesWhatIsInUse(t *testing.T) {
	s := newStore(t)
	aged(t, s, key, 1)
	used, err := s.Open(key)
	require.NoError(t, err)
	removed, err := s.Collect(Limits{})
	require.NoError(t, err)
	require.Empty(t, removed)
	require.NoError(t, used.Verify())

	require.NoError(t, used.Close())
	removed, err = s.Collect(Limits{})
	require.NoError(t, err)
	require.Len(t, removed, 1)
	require.Equal(t, "not used for 0 days", removed[0].Reason)
	require.Positive(t, removed[0].SizeBytes)
	entries, err := os.ReadDir(s.Dir)
	require.NoError(t, err)
	require.Empty(t, entries)
}

// TestCollectAfterKilledMakers: what they left goes, what living ones are at
// work on stays.
func TestCollectAfterKilledMakers(t *testing.T) {
	s := newStore(t)
	dead, living := s.path("dead")+tempSuffix, s.path("living")+tempSuffix
	unlock, err := s.lock(t.Context(), "living")
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(dead, 0o700))
	require.NoError(t, os.MkdirAll(living, 0o700))
	_, err = s.Collect(Limits{Bytes: 1 << 30, Age: time.Hour})
	require.NoError(t, err)
	require.NoDirExists(t, dead)
	require.DirExists(t, living)
	require.FileExists(t, s.path("living")+lockSuffix)
	unlock()
}

func TestCollectNothing(t *testing.T) {
	removed, err := newStore(t).Collect(Limits{})
	require.NoError(t, err)
	require.Empty(t, removed)
}

// TestOpenCountsAsUse: what was used just now goes last.
func TestOpenCountsAsUse(t *testing.T) {
	s := newStore(t)
	aged(t, s, key, 10)
	opened, err := s.Open(key)
	require.NoError(t, err)
	require.NoError(t, opened.Close())
	require.WithinDuration(t, time.Now(), s.entry(key).used, time.Minute)
}
