package kernels

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// packageDir fills a package directory and its SHA256SUMS.
func packageDir(t *testing.T, b *bench, version string, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	var sums strings.Builder
	for _, name := range names {
		path := filepath.Join(dir, debFile(name, version))
		require.NoError(t, os.WriteFile(path, []byte(debData(name, version)), 0o644))
		sum, err := sha256File(path)
		require.NoError(t, err)
		fmt.Fprintf(&sums, "%s  %s\n", sum, filepath.Base(path))
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, sumsFile), []byte(sums.String()), 0o644))
	b.config.PackageDir = dir
	return dir
}

func TestPackageDirComesFirst(t *testing.T) {
	b := newBench(t)
	packageDir(t, b, "5.10.259-1", image510b)
	b.suites["bullseye-security"] = stanza(image510, "5.10.262-1")
	b.suites["trixie-backports"] = split("7.2.9+deb13", "7.2.9-1~bpo13+1", "base", "binary", "modules")
	k, err := b.source(t).Fetch(t.Context(), "5.10")
	require.NoError(t, err)
	require.Equal(t, "5.10.259-1", k.Version)
	require.Equal(t, "5.10", k.Series)
	require.Equal(t, FromPackageDir, k.Packages[0].Source)
	require.Zero(t, b.count("apt"), "asked a mirror")
	b.calls = nil
	_, err = b.source(t).Fetch(t.Context(), "5.10")
	require.NoError(t, err)
	require.Empty(t, b.calls)

	k, err = b.source(t).Fetch(t.Context(), "7")
	require.NoError(t, err)
	require.Equal(t, FromMirror, k.Packages[0].Source)
}

func TestPackageDirSplitPackages(t *testing.T) {
	b := newBench(t)
	release := "7.2.9+deb13-cloud-amd64"
	packageDir(t, b, "7.2.9-1~bpo13+1", "linux-base-"+release, "linux-binary-"+release, "linux-modules-"+release)
	k, err := b.source(t).Fetch(t.Context(), "7")
	require.NoError(t, err)
	require.Len(t, k.Packages, 3)
}

func TestPackageDirAloneWithoutNetwork(t *testing.T) {
	b := newBench(t)
	packageDir(t, b, "5.10.262-1", image510)
	b.update = map[string]string{"m.example": noRoute}
	_, err := b.source(t).Fetch(t.Context(), "5.10")
	require.NoError(t, err)
	_, err = b.source(t).Fetch(t.Context(), "7")
	require.ErrorIs(t, err, ErrUnavailable)
	require.ErrorContains(t, err, "package directory")
	require.ErrorContains(t, err, "Could not resolve")
}

func TestPackageDirRefuses(t *testing.T) {
	deb := debFile(image510, "5.10.262-1")
	tests := []struct {
		name  string
		spoil func(dir string) error
		err   string
	}{
		{"changed file", func(dir string) error { return os.WriteFile(filepath.Join(dir, deb), []byte("package x"), 0o644) },
			"check package " + deb},
		{"not in SHA256SUMS", func(dir string) error { return os.WriteFile(filepath.Join(dir, sumsFile), nil, 0o644) },
			"package " + deb + " is not in "},
		{"no SHA256SUMS", func(dir string) error { return os.Remove(filepath.Join(dir, sumsFile)) },
			"has no SHA256SUMS; make it with"},
		{"broken SHA256SUMS", func(dir string) error { return os.WriteFile(filepath.Join(dir, sumsFile), []byte("x y\n"), 0o644) },
			"line 1 is no"},
		{"no directory", os.RemoveAll, "read package directory"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t)
			dir := packageDir(t, b, "5.10.262-1", image510)
			require.NoError(t, tt.spoil(dir))
			b.suites["bullseye-security"] = stanza(image510, "5.10.262-1")
			_, err := b.source(t).Fetch(t.Context(), "5.10")
			require.ErrorContains(t, err, tt.err)
			require.NotErrorIs(t, err, ErrUnavailable)
			require.Zero(t, b.count("apt"), "fell through to the mirror")
			b.clean(t)
		})
	}
}

// TestRealPackage unpacks a .deb that dpkg-deb made, with the real tools.
func TestRealPackage(t *testing.T) {
	for _, tool := range []string{"dpkg-deb", "/usr/sbin/depmod"} {
		_, err := exec.LookPath(tool)
		require.NoError(t, err, "ci/install-deps.sh installs it")
	}
	b := newBench(t)
	dir := packageDir(t, b, "5.10.262-1", image510)
	tree := t.TempDir()
	source := filepath.Join(t.TempDir(), "source")
	require.NoError(t, os.WriteFile(source, []byte(debData(image510, "")), 0o644))
	require.NoError(t, extract(source, tree))
	require.NoError(t, os.MkdirAll(filepath.Join(tree, "DEBIAN"), 0o755))
	control := "Package: " + image510 + "\nVersion: 5.10.262-1\nArchitecture: amd64\nMaintainer: nobody <n@example.org>\nDescription: test\n"
	require.NoError(t, os.WriteFile(filepath.Join(tree, "DEBIAN/control"), []byte(control), 0o644))
	deb := filepath.Join(dir, debFile(image510, "5.10.262-1"))
	out, err := exec.CommandContext(t.Context(), "dpkg-deb", "-b", tree, deb).CombinedOutput()
	require.NoError(t, err, string(out))
	sum, err := sha256File(deb)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, sumsFile), []byte(sum+" *"+filepath.Base(deb)+"\n"), 0o644))

	b.config.Run = nil
	source2, err := New(b.config)
	require.NoError(t, err)
	k, err := source2.Fetch(t.Context(), "5.10")
	require.NoError(t, err)
	require.FileExists(t, filepath.Join(k.ModulesDir, "modules.dep"))
	require.Equal(t, "5.10.0-46-cloud-amd64", k.Release)
}
