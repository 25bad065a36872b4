package kernels

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestFetchNewestCompleteSet(t *testing.T) {
	b := newBench(t)
	b.suites["trixie-backports"] = split("7.2.9+deb13", "7.2.9-1~bpo13+1", "image", "base", "binary", "modules") +
		split("7.2.12+deb13", "7.2.12-1~bpo13+1", "image", "base", "binary", "modules") +
		split("7.3.4+deb13", "7.3.4-1~bpo13+1", "base", "modules") +
		split("7.1.8+deb13", "7.1.8-1~bpo13+1", "image", "binary") +
		stanza("linux-image-cloud-amd64", "7.3.4-1~bpo13+1") +
		stanza("linux-binary-unsigned-7.3.4+deb13-cloud-amd64", "7.3.4-1~bpo13+1")

	k, err := b.source(t).Fetch(t.Context(), "7")
	require.NoError(t, err)
	require.Equal(t, "7.2.12+deb13-cloud-amd64", k.Release)
	require.Equal(t, "7.2.12-1~bpo13+1", k.Version)
	require.Equal(t, "7", k.Series)
	require.Equal(t, "trixie-backports", k.Suite)
	require.Empty(t, k.Note)
	require.Len(t, k.Packages, 3)
	require.Equal(t, FromMirror, k.Packages[0].Source)
	require.Len(t, k.Packages[0].SHA256, 64)
	for _, file := range []string{k.Image, k.ConfigPath, filepath.Join(k.ModulesDir, "modules.dep"),
		filepath.Join(k.ModulesDir, "kernel/a.ko"), filepath.Join(k.ModulesDir, "modules.builtin")} {
		require.FileExists(t, file)
	}
	require.NoFileExists(t, filepath.Join(k.ModulesDir, "vmlinuz"))
	b.clean(t)
}

func TestFetchWarmRunsNothing(t *testing.T) {
	b := newBench(t)
	b.suites["bullseye-security"] = stanza(image510, "5.10.262-1")
	b.suites["bullseye"] = stanza(image510b, "5.10.259-1")
	first, err := b.source(t).Fetch(t.Context(), "5.10")
	require.NoError(t, err)
	b.calls = nil
	again, err := b.source(t).Fetch(t.Context(), "5.10")
	require.NoError(t, err)
	require.Equal(t, bare(first), bare(again))
	require.Empty(t, b.calls)

	b.now = b.now.Add(25 * time.Hour)
	_, err = b.source(t).Fetch(t.Context(), "5.10")
	require.NoError(t, err)
	require.Equal(t, 2, b.count("apt-get -q update"), "old index is not asked for again")
	require.Zero(t, b.count("apt-get -q download"))
	b.calls = nil
	b.config.Refresh = true
	b.now = b.now.Add(time.Second)
	_, err = b.source(t).Fetch(t.Context(), "5.10")
	require.NoError(t, err)
	require.Equal(t, 2, b.count("apt-get -q update"))
}

func TestFetchIndexAheadOfPool(t *testing.T) {
	b := newBench(t)
	b.suites["bullseye-security"] = stanza(image510, "5.10.262-1") + stanza(image510b, "5.10.259-1")
	b.download = map[string]string{image510: notFound}
	k, err := b.source(t).Fetch(t.Context(), "5.10")
	require.NoError(t, err)
	require.Equal(t, "5.10.259-1", k.Version)
	require.Contains(t, k.Note, "kernel 5.10.0-46-cloud-amd64 5.10.262-1")
	require.Contains(t, k.Note, "404  Not Found")
	b.clean(t)
}

func TestFetchMissingSuiteSparesOthers(t *testing.T) {
	b := newBench(t)
	b.suites["bullseye"] = stanza(image510b, "5.10.259-1")
	b.update = map[string]string{"bullseye-security": noSuite}
	k, err := b.source(t).Fetch(t.Context(), "5.10")
	require.NoError(t, err)
	require.Equal(t, "5.10.259-1", k.Version)
	require.Contains(t, k.Note, "suite bullseye-security")
	require.NotContains(t, k.Note, "unsandboxed")
}

func TestFetchArchiveMirrorFollows(t *testing.T) {
	b := newBench(t)
	b.config.Mirrors = "https://m.example/debian, https://old.example/debian"
	b.suites["bullseye-security"] = stanza(image510, "5.10.262-1")
	b.update = map[string]string{"m.example": noSuite}
	k, err := b.source(t).Fetch(t.Context(), "5.10")
	require.NoError(t, err)
	require.Equal(t, "5.10.0-46-cloud-amd64", k.Release)
	require.Equal(t, 4, b.count("apt-get -q update"))
}

func TestFetchUsesCacheWithoutNetwork(t *testing.T) {
	b := newBench(t)
	b.suites["bullseye-security"] = stanza(image510b, "5.10.259-1") + stanza(image510, "5.10.262-1")
	b.download = map[string]string{image510: notFound}
	_, err := b.source(t).Fetch(t.Context(), "5.10")
	require.NoError(t, err)
	b.download = nil
	_, err = b.source(t).Fetch(t.Context(), "5.10")
	require.NoError(t, err)

	b.now = b.now.Add(48 * time.Hour)
	b.update = map[string]string{"m.example": noRoute}
	k, err := b.source(t).Fetch(t.Context(), "5.10")
	require.NoError(t, err)
	require.Equal(t, "5.10.262-1", k.Version, "not the newest in the cache")
	require.Contains(t, k.Note, "from the cache: ")
	require.Contains(t, k.Note, "Could not resolve")

	require.Equal(t, 3, b.count("apt-get -q update"), "a host that is down was asked twice")

	// Only the security suite is away: the older main suite must not win.
	b.suites["bullseye"] = stanza(image510b, "5.10.218-1")
	b.update = map[string]string{"bullseye-security": noSuite}
	k, err = b.source(t).Fetch(t.Context(), "5.10")
	require.NoError(t, err)
	require.Equal(t, "5.10.262-1", k.Version)
}

func TestFetchReplacesSpoiltEntry(t *testing.T) {
	b := newBench(t)
	b.suites["bullseye-security"] = stanza(image510, "5.10.262-1")
	k, err := b.source(t).Fetch(t.Context(), "5.10")
	require.NoError(t, err)
	for _, spoil := range []string{k.Image, filepath.Join(k.ModulesDir, "modules.dep"), filepath.Join(filepath.Dir(k.Image), "kernel.json")} {
		require.NoError(t, os.Remove(spoil))
		again, err := b.source(t).Fetch(t.Context(), "5.10")
		require.NoError(t, err)
		require.Equal(t, bare(k), bare(again))
		require.FileExists(t, spoil)
	}
	require.NoError(t, os.WriteFile(k.Image, []byte("half"), 0o644))
	_, err = b.source(t).Fetch(t.Context(), "5.10")
	require.NoError(t, err)
	image, err := os.ReadFile(k.Image)
	require.NoError(t, err)
	require.NotEqual(t, "half", string(image))
	b.clean(t)
}

func TestFetchNarrowerSeries(t *testing.T) {
	b := newBench(t)
	b.suites["trixie-backports"] = split("7.2.9+deb13", "7.2.9-1~bpo13+1", "base", "binary", "modules") +
		split("7.3.4+deb13", "7.3.4-1~bpo13+1", "base", "binary", "modules")
	k, err := b.source(t).Fetch(t.Context(), "7.2")
	require.NoError(t, err)
	require.Equal(t, "7.2.9-1~bpo13+1", k.Version)
	_, err = b.source(t).Fetch(t.Context(), "6.12")
	require.ErrorContains(t, err, "series 6.12 is not in the list (5.10, 7)")
}
