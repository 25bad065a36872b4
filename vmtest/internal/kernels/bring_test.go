package kernels

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/vmtest/internal/cache"
)

// files writes files below dir: name to content.
func files(t *testing.T, dir string, content map[string]string) string {
	t.Helper()
	for name, data := range content {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(data), 0o644))
	}
	return dir
}

// someKernel writes an image and its modules to a new directory.
func someKernel(t *testing.T, release string) (dir string) {
	t.Helper()
	lib := "lib/modules/" + release + "/"
	return files(t, t.TempDir(), map[string]string{
		"bzImage":             string(bzImage(t, release, "CONFIG_EXT4_FS=y\n")),
		lib + "modules.order": "", lib + "modules.builtin": "kernel/fs/ext4/ext4.ko\n", lib + "kernel/a.ko.zst": "a",
	})
}

func TestFetchFile(t *testing.T) {
	b := newBench(t)
	dir := someKernel(t, "6.12.0-own")
	require.NoError(t, os.Symlink("/nowhere", filepath.Join(dir, "lib/modules/6.12.0-own/build")))
	k, err := b.source(t).Fetch(t.Context(), dir+"/bzImage,modules="+dir)
	require.NoError(t, err)
	require.Equal(t, "6.12.0-own", k.Release)
	require.Equal(t, "bzImage", k.Series)
	require.Regexp(t, `^6\.12\.0-own_file-[0-9a-f]{16}$`, k.ID)
	require.Len(t, k.Packages, 2)
	require.Equal(t, FromLocal, k.Packages[0].Source)
	require.FileExists(t, filepath.Join(k.ModulesDir, "kernel/a.ko.zst"))
	require.FileExists(t, filepath.Join(k.ModulesDir, "modules.dep"))
	require.NoFileExists(t, filepath.Join(k.ModulesDir, "build"))
	config, err := os.ReadFile(k.ConfigPath)
	require.NoError(t, err)
	require.Equal(t, "CONFIG_EXT4_FS=y\n", string(config), "taken out of the image")
	b.clean(t)

	again, err := b.source(t).Fetch(t.Context(), dir+"/bzImage,modules="+dir+"/lib/modules/6.12.0-own")
	require.NoError(t, err)
	require.Equal(t, k.ID, again.ID, "the same files, named otherwise")

	files(t, dir, map[string]string{"lib/modules/6.12.0-own/kernel/a.ko.zst": "b"})
	other, err := b.source(t).Fetch(t.Context(), dir+"/bzImage,modules="+dir)
	require.NoError(t, err)
	require.NotEqual(t, k.ID, other.ID, "a changed module is another kernel")
	require.FileExists(t, k.Image, "which a running VM does not notice")
}

func TestFetchImageAlone(t *testing.T) {
	b := newBench(t)
	dir := files(t, t.TempDir(), map[string]string{"vmlinuz": string(bzImage(t, "6.12.0", ""))})
	k, err := b.source(t).Fetch(t.Context(), dir+"/vmlinuz")
	require.NoError(t, err)
	require.Empty(t, k.ConfigPath)
	require.DirExists(t, k.ModulesDir, "empty, for the disk")
	require.Equal(t, "6.12.0", filepath.Base(k.ModulesDir))
}

func TestFetchFileRefuses(t *testing.T) {
	dir := someKernel(t, "6.12.0")
	files(t, dir, map[string]string{"text": strings.Repeat("x", 4096), "empty/x": "", "deb/a.deb": "package x 1"})
	tests := []struct {
		name, spec, want string
		unavailable      bool
	}{
		{"no such file", dir + "/nosuch", "no such file", true},
		{"no kernel", dir + "/text", "not a kernel for x86-64", false},
		{"directory", dir + "/lib", "not a regular file", false},
		{"no modules there", dir + "/bzImage,modules=" + dir + "/empty", "has no modules of kernel 6.12.0", false},
		{"no such directory", dir + "/bzImage,modules=" + dir + "/gone", "no such file", true},
		{"no such name", "nosuch", "no name that was added", false},
		{"no such package", "deb:" + dir + "/gone.deb", "no such file", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t)
			_, err := b.source(t).Fetch(t.Context(), tt.spec)
			require.ErrorContains(t, err, tt.want)
			if tt.unavailable {
				require.ErrorIs(t, err, ErrUnavailable)
			} else {
				require.NotErrorIs(t, err, ErrUnavailable)
			}
			b.clean(t)
		})
	}
}

func TestFetchHost(t *testing.T) {
	const release = "6.18.44-fc"
	tests := []struct {
		name  string
		files map[string]string
		want  string
	}{
		{"Debian", map[string]string{"boot/vmlinuz-" + release: string(bzImage(t, release, ""))}, ""},
		{"Fedora", map[string]string{"usr/lib/modules/" + release + "/vmlinuz": string(bzImage(t, release, ""))}, ""},
		{"container", nil, "this machine runs " + release + " and has none of /boot/vmlinuz-"},
		{"another kernel", map[string]string{"boot/vmlinuz-" + release: string(bzImage(t, "6.1.0", ""))}, "is 6.1.0"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t)
			b.config.Root = files(t, t.TempDir(), tt.files)
			files(t, b.config.Root, map[string]string{
				"proc/sys/kernel/osrelease": release + "\n", "boot/config-" + release: "CONFIG_X=y\n",
				"lib/modules/" + release + "/modules.order": "", "lib/modules/" + release + "/kernel/a.ko": "a",
			})
			k, err := b.source(t).Fetch(t.Context(), "host")
			if tt.want != "" {
				require.ErrorContains(t, err, tt.want)
				require.Equal(t, tt.name == "container", strings.Contains(err.Error(), ErrUnavailable.Error()))
				return
			}
			require.NoError(t, err)
			require.Equal(t, "host", k.Series)
			require.Equal(t, FromHost, k.Packages[0].Source)
			require.FileExists(t, filepath.Join(k.ModulesDir, "kernel/a.ko"))
			require.NotEmpty(t, k.ConfigPath)
		})
	}
}

func TestFetchDebs(t *testing.T) {
	tests := []struct {
		name, want string
		packages   []string
	}{
		{"one package", "", []string{"linux-image-6.12.1-cloud-amd64"}},
		{"split since 6.19", "", []string{"linux-base-7.2.1-cloud-amd64", "linux-binary-7.2.1-cloud-amd64", "linux-modules-7.2.1-cloud-amd64"}},
		{"modules alone", "no kernel image", []string{"linux-modules-7.2.1-cloud-amd64"}},
		{"two kernels", "there are two kernels", []string{"linux-image-6.12.1-cloud-amd64", "linux-image-6.12.2-cloud-amd64"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t)
			dir := t.TempDir()
			var debs []string
			for _, name := range tt.packages {
				debs = append(debs, filepath.Join(dir, debFile(name, "1")))
				require.NoError(t, os.WriteFile(debs[len(debs)-1], []byte(debData(name, "1")), 0o644))
			}
			k, err := b.source(t).Fetch(t.Context(), "deb:"+strings.Join(debs, ","))
			b.clean(t)
			if tt.want != "" {
				require.ErrorContains(t, err, tt.want)
				require.ErrorContains(t, err, "name all of them")
				return
			}
			require.NoError(t, err)
			require.Len(t, k.Packages, len(debs))
			require.Equal(t, "1", k.Version)
			require.Equal(t, strings.SplitN(tt.packages[0], "-", 3)[2], k.Release)
			require.NotEmpty(t, k.ConfigPath)
			b.calls = nil
			again, err := b.source(t).Fetch(t.Context(), "deb:"+strings.Join(debs, ","))
			require.NoError(t, err)
			require.Equal(t, k.ID, again.ID)
			require.Empty(t, b.calls, "not unpacked twice")
		})
	}
}

func TestNames(t *testing.T) {
	b := newBench(t)
	dir := someKernel(t, "6.12.0")
	s := b.source(t)
	require.False(t, s.HasName("mine"))
	_, err := s.Select("mine")
	require.ErrorContains(t, err, "no name that was added")
	k, err := s.Add(t.Context(), dir+"/bzImage", "mine")
	require.NoError(t, err)
	require.Equal(t, "mine", k.Series)
	_, err = s.Select("mine")
	require.NoError(t, err)
	again, err := b.source(t).Fetch(t.Context(), "mine")
	require.NoError(t, err)
	require.Equal(t, bare(k), bare(again))

	for _, wrong := range []string{"", "host", "6.12", "a/b", "../x", "oci:x", strings.Repeat("a", 64)} {
		_, err := s.Add(t.Context(), dir+"/bzImage", wrong)
		require.ErrorContains(t, err, "is no name", wrong)
	}
	require.NoError(t, os.Remove(k.Image))
	_, err = b.source(t).Fetch(t.Context(), "mine")
	require.ErrorContains(t, err, "add it again: vmtest kernels add "+dir+"/bzImage --name mine")
	require.NoError(t, s.Forget("mine"))
	require.ErrorContains(t, s.Forget("mine"), "no name that was added")
}

func TestCollect(t *testing.T) {
	b := newBench(t)
	b.suites["bullseye-security"] = stanza(image510, "5.10.262-1") + stanza(image510b, "5.10.259-1")
	s := b.source(t)
	var used []Kernel
	for _, spec := range []string{"5.10.262-1", "5.10.259-1", someKernel(t, "6.12.1") + "/bzImage"} {
		k, err := s.Fetch(t.Context(), spec)
		require.NoError(t, err)
		used = append(used, k)
	}
	named, err := s.Add(t.Context(), someKernel(t, "6.12.2")+"/bzImage", "mine")
	require.NoError(t, err)
	store := filepath.Join(b.config.CacheDir, "kernels")
	files(t, b.config.CacheDir, map[string]string{
		"modules/5.10.0-45-cloud-amd64_5.10.259-1.ext4": "x", "modules/gone_1.ext4": "x",
		"modules/5.10.0-46-cloud-amd64_5.10.262-1.ext4": "x", "modules/half.ext4.tmp.999999999": "x",
		"kernels/.tmp-6.1_1-123/root/x": "x", "kernels/.tmp-busy_1-123/root/x": "x",
	})
	lock, err := cache.Lock(t.Context(), filepath.Join(store, "busy_1.lock"), nil)
	require.NoError(t, err)
	defer lock.Close()

	// Nothing goes while the kernels above are in use.
	removed, err := b.source(t).Collect(t.Context(), GC{Keep: 1, DryRun: true})
	require.NoError(t, err)
	require.ElementsMatch(t, []string{"modules/gone_1.ext4", "modules/half.ext4.tmp.999999999", "kernels/.tmp-6.1_1-123"}, paths(removed))

	runtime.KeepAlive(used)
	release(t, store)
	removed, err = b.source(t).Collect(t.Context(), GC{Keep: 1, DryRun: true})
	require.NoError(t, err)
	want := []string{
		"modules/5.10.0-45-cloud-amd64_5.10.259-1.ext4", "kernels/5.10.0-45-cloud-amd64_5.10.259-1",
		"modules/gone_1.ext4", "modules/half.ext4.tmp.999999999", "kernels/.tmp-6.1_1-123",
	}
	require.ElementsMatch(t, want, paths(removed))
	require.FileExists(t, filepath.Join(b.config.CacheDir, "modules/gone_1.ext4"), "only said")

	removed, err = b.source(t).Collect(t.Context(), GC{Keep: 1})
	require.NoError(t, err)
	require.ElementsMatch(t, want, paths(removed))
	for _, path := range want {
		require.NoFileExists(t, filepath.Join(b.config.CacheDir, path))
		require.NoDirExists(t, filepath.Join(b.config.CacheDir, path))
	}
	require.DirExists(t, filepath.Join(store, ".tmp-busy_1-123"), "being made")

	removed, err = b.source(t).Collect(t.Context(), GC{Keep: 0})
	require.NoError(t, err)
	require.Len(t, removed, 3, "the last 5.10, its disk, and the image without a name")
	require.FileExists(t, named.Image, "what has a name stays")
	_, err = b.source(t).Collect(t.Context(), GC{Keep: -1})
	require.ErrorContains(t, err, "keep -1")
}

// release ends this process's use of all kernels, as its end would.
func release(t *testing.T, store string) {
	t.Helper()
	records, err := filepath.Glob(filepath.Join(store, "*", entryFile))
	require.NoError(t, err)
	for _, record := range records {
		data, err := os.ReadFile(record)
		require.NoError(t, err)
		require.NoError(t, writeFile(record, data, 0o644)) // another file has other locks
	}
}

func paths(removed []cache.Removed) []string {
	var list []string
	for _, r := range removed {
		list = append(list, r.Path)
	}
	return list
}

func TestList(t *testing.T) {
	b := newBench(t)
	b.suites["bullseye-security"] = stanza(image510, "5.10.262-1") + stanza(image510b, "5.10.259-1")
	s := b.source(t)
	k, err := s.Fetch(t.Context(), "5.10")
	require.NoError(t, err)
	_, err = s.Add(t.Context(), someKernel(t, "6.12.1")+"/bzImage", "mine")
	require.NoError(t, err)
	cache, err := s.List()
	require.NoError(t, err)
	require.Len(t, cache.Series, 2)
	require.Equal(t, k.ID, cache.Series[0].Kernel)
	require.Empty(t, cache.Series[1].Kernel)
	require.Len(t, cache.Kernels, 2)
	require.Equal(t, []string{"mine"}, cache.Kernels[0].Names)
	require.Empty(t, cache.Kernels[0].Series)
	require.Equal(t, "5.10", cache.Kernels[1].Series)
	require.True(t, cache.Kernels[1].InUse)
	runtime.KeepAlive(k)
	require.Positive(t, cache.SizeBytes)

	versions, err := s.Versions(t.Context(), "5.10")
	require.NoError(t, err)
	require.Equal(t, []string{"5.10.259-1", "5.10.262-1"}, versions)
}

func TestFetchVersion(t *testing.T) {
	b := newBench(t)
	b.suites["bullseye-security"] = stanza(image510, "5.10.262-1") + stanza(image510b, "5.10.259-1")
	k, err := b.source(t).Fetch(t.Context(), "5.10.259-1")
	require.NoError(t, err)
	require.Equal(t, "5.10.259-1", k.Version)
	require.Equal(t, "5.10.259-1", k.Series)
	b.calls = nil
	b.config.Refresh = true
	_, err = b.source(t).Fetch(t.Context(), "5.10.259-1")
	require.NoError(t, err)
	require.Empty(t, b.calls, "a version does not change")
	_, err = b.source(t).Fetch(t.Context(), "5.10.260-1")
	require.ErrorIs(t, err, ErrUnavailable)
	_, err = b.source(t).Fetch(t.Context(), "4.19.1-1")
	require.ErrorContains(t, err, "series 4.19.1-1 is not in the list")
}

func TestBringIsInterrupted(t *testing.T) {
	b := newBench(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s := b.source(t).store
	_, err := s.bring(ctx, recipe{kind: KindFile, key: aSum, build: func(ctx context.Context, _ string) (parts, func(), error) {
		return parts{}, nil, ctx.Err()
	}})
	require.ErrorIs(t, err, context.Canceled)
	b.clean(t)
}

func TestKeyIsCompared(t *testing.T) {
	b := newBench(t)
	spec := someKernel(t, "6.12.0") + "/bzImage"
	k, err := b.source(t).Fetch(t.Context(), spec)
	require.NoError(t, err)
	record := filepath.Join(filepath.Dir(k.Image), entryFile)
	data, err := os.ReadFile(record)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(record, []byte(strings.Replace(string(data), k.key, k.key[:16]+aSum[:48], 1)), 0o644))
	again, err := b.source(t).Fetch(t.Context(), spec)
	require.NoError(t, err)
	require.Equal(t, k.key, again.key, "made anew: only the beginning of the key was the same")
}

func TestMatches(t *testing.T) {
	tests := []struct {
		want, version string
		ok            bool
	}{
		{"6.12", "6.12.107-1", true},
		{"6.1", "6.12.107-1", false},
		{"6.12.107", "6.12.107-1~bpo13+1", true},
		{"6.12.107-1", "6.12.107-1", true},
		{"6.12.107-1", "6.12.107-1~bpo13+1", false},
		{"6.12.107-1", "6.12.107-12", false},
	}
	for _, tt := range tests {
		require.Equal(t, tt.ok, matches(tt.want, tt.version), "%s %s", tt.want, tt.version)
	}
}
