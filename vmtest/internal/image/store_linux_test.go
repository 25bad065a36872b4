package image

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"namespaces-cgroups-ebpf/schemas"
)

// put makes a cache entry of recipe r, as a finished build leaves it.
func (s Store) put(t *testing.T, r Recipe) string {
	t.Helper()
	dir := filepath.Join(s.dir(), r.Hash())
	require.NoError(t, os.MkdirAll(dir, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, diskName), make([]byte, 8192), 0o444))
	require.NoError(t, record{
		Hash: r.Hash(), Recipe: r, SizeBytes: 8192, Built: "2026-01-02T03:04:05Z", Packages: []Package{{"bash", "5.2"}},
	}.write(dir))
	return dir
}

// outdated is a recipe of the name's image as it once was.
func outdated(r Recipe) Recipe {
	r.Suite = "bookworm"
	return r
}

func testStore(t *testing.T) (Store, *Go) {
	s := Store{CacheDir: t.TempDir(), Module: goModule(t, "module example.org/m\n\ngo 1.21\n", "")}
	g, err := FindGo(t.Context(), s.Module)
	require.NoError(t, err)
	return s, g
}

func TestList(t *testing.T) {
	s, g := testStore(t)
	s.put(t, Base())
	s.put(t, outdated(Base()))
	s.put(t, Builder(g))
	changed, foreign := *g, *g
	changed.SumSHA256 = hexSum([]byte("other"))
	foreign.Module, foreign.SumSHA256 = "example.org/other", hexSum([]byte("foreign"))
	s.put(t, Builder(&changed))
	s.put(t, Builder(&foreign))
	s.put(t, outdated(Builder(&foreign)))

	list, err := s.List(t.Context())
	require.NoError(t, err)
	current := map[string]bool{}
	for _, c := range list.Images {
		current[c.Hash] = c.Current
		require.Equal(t, 1, c.PackageCount)
		require.False(t, c.InUse)
	}
	require.Equal(t, map[string]bool{
		Base().Hash(): true, outdated(Base()).Hash(): false,
		Builder(g).Hash(): true, Builder(&changed).Hash(): false,
		Builder(&foreign).Hash(): true, outdated(Builder(&foreign)).Hash(): false,
	}, current)
	require.Equal(t, []bool{true, false, true}, []bool{list.Known[0].Cached, list.Known[1].Cached, list.Known[2].Cached})
	data, err := json.Marshal(list)
	require.NoError(t, err)
	require.Empty(t, schemas.Validate(Schema, data))
}

func TestListWithoutCacheAndModule(t *testing.T) {
	s := Store{CacheDir: filepath.Join(t.TempDir(), "none"), Module: t.TempDir()}
	list, err := s.List(t.Context())
	require.NoError(t, err)
	require.Empty(t, list.Images)
	require.Empty(t, list.Known[2].Hash)
	require.Contains(t, list.Known[2].Problem, "no go.mod")
	data, err := json.Marshal(list)
	require.NoError(t, err)
	require.Empty(t, schemas.Validate(Schema, data))
}

func TestCollect(t *testing.T) {
	s, g := testStore(t)
	kept := []string{s.put(t, Base()), s.put(t, Builder(g))}
	old := s.put(t, outdated(Base()))
	used := s.put(t, outdated(Peers()))
	require.NoError(t, inUse.hold(used))
	damaged := s.put(t, Peers())
	require.NoError(t, os.Remove(filepath.Join(damaged, recordName)))
	temp := filepath.Join(s.dir(), outdated(Builder(g)).Hash()+tempSuffix)
	live := filepath.Join(s.dir(), Peers().Hash()[:10]+tempSuffix)
	for _, dir := range []string{temp, live} {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, "tree"), 0o755))
	}
	lock, err := os.Create(live[:len(live)-len(tempSuffix)] + lockSuffix)
	require.NoError(t, err)
	require.NoError(t, unix.Flock(int(lock.Fd()), unix.LOCK_EX))

	would, err := s.Collect(t.Context(), GC{DryRun: true})
	require.NoError(t, err)
	require.DirExists(t, old)
	removed, err := s.Collect(t.Context(), GC{})
	require.NoError(t, err)
	reasons := map[string]string{}
	for _, r := range removed {
		reasons[filepath.Join(s.CacheDir, r.Path)] = r.Reason
	}
	require.Len(t, would, len(removed))
	require.Equal(t, map[string]string{
		old: "its recipe has changed", damaged: "damaged", temp: "left behind by a build that was killed",
	}, reasons)
	for _, dir := range append(kept, used, live) {
		require.DirExists(t, dir)
	}
	for dir := range reasons {
		require.NoDirExists(t, dir)
	}

	_, err = s.Collect(t.Context(), GC{All: true})
	require.NoError(t, err)
	require.NoDirExists(t, kept[0])
	require.DirExists(t, used)
}

func TestCollectWithoutCache(t *testing.T) {
	removed, err := Store{CacheDir: filepath.Join(t.TempDir(), "none")}.Collect(t.Context(), GC{})
	require.NoError(t, err)
	require.Empty(t, removed)
}

// TestBuildMarksUse: what a build returns cannot be collected by others.
func TestBuildMarksUse(t *testing.T) {
	b, _ := newBuilder(t, &machine{})
	_, err := b.build(t.Context())
	require.NoError(t, err)
	_, free := unused(b.entry)
	require.False(t, free)
	// Replaced, it is held anew.
	require.NoError(t, os.RemoveAll(b.entry))
	_, err = b.build(t.Context())
	require.NoError(t, err)
	_, free = unused(b.entry)
	require.False(t, free)
}
