package vmtest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestDestination: files get where our flags say, and nowhere else.
func TestDestination(t *testing.T) {
	outside := t.TempDir()
	require.NoError(t, os.WriteFile(outside+"/victim", []byte("mine"), 0o644))
	dir := filepath.Join(t.TempDir(), "dir")
	require.NoError(t, os.MkdirAll(dir+"/sub", 0o755))
	for name, target := range map[string]string{"link": outside + "/victim", "out": outside, "relative": "../../victim"} {
		require.NoError(t, os.Symlink(target, dir+"/"+name))
	}
	require.NoError(t, os.WriteFile(dir+"/old", []byte("old"), 0o600))
	tests := []struct {
		name  string
		to    destination
		files map[string]string
		want  map[string]string // of dir, afterwards
		count int
		err   string
	}{
		{name: "nothing", count: 0},
		{name: "new", files: map[string]string{"a": "1", "n/e/w": "2"}, want: map[string]string{"a": "1", "n/e/w": "2"}, count: 2},
		{name: "replaced", files: map[string]string{"old": "new"}, want: map[string]string{"old": "new"}, count: 1},
		{name: "kept", to: destination{fresh: true}, files: map[string]string{"old": "newer", "fresh": "1"}, want: map[string]string{"old": "new", "fresh": "1"}, count: 2},
		{name: "link replaced", files: map[string]string{"link": "1"}, want: map[string]string{"link": "1"}, count: 1},
		{name: "through a link", files: map[string]string{"out/victim": "1"}, err: "path escapes from parent"},
		{name: "over a directory", files: map[string]string{"sub": "1"}, err: "write sub: there is something else than a regular file"},
		{name: "the one", to: destination{only: "c.out"}, files: map[string]string{"c.out": "1"}, want: map[string]string{"c.out": "1"}, count: 1},
		{name: "not the one", to: destination{only: "c.out"}, files: map[string]string{"main.go": "evil"}, err: `the guest sent "main.go", want "c.out"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			from := t.TempDir()
			for name, content := range tt.files {
				require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(from, name)), 0o755))
				require.NoError(t, os.WriteFile(filepath.Join(from, name), []byte(content), 0o644))
			}
			tt.to.dir = dir
			count, err := tt.to.take(from)
			if tt.err != "" {
				require.ErrorContains(t, err, tt.err)
			} else {
				require.NoError(t, err)
				require.Equal(t, tt.count, count)
			}
			for name, content := range tt.want {
				data, err := os.ReadFile(filepath.Join(dir, name))
				require.NoError(t, err)
				require.Equal(t, content, string(data), name)
			}
			victim, err := os.ReadFile(outside + "/victim")
			require.NoError(t, err)
			require.Equal(t, "mine", string(victim))
			leftovers, err := filepath.Glob(dir + "/.*.vmtest-*")
			require.NoError(t, err)
			require.Empty(t, leftovers)
		})
	}
	require.NoFileExists(t, dir+"/main.go")
	none := filepath.Join(t.TempDir(), "none")
	_, err := destination{dir: none}.take(t.TempDir())
	require.NoError(t, err)
	require.NoDirExists(t, none, "nothing is made for nothing")
}
