package image

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNamed(t *testing.T) {
	for _, name := range Names() {
		r, err := Named(t.Context(), name, ".")
		require.NoError(t, err)
		require.Equal(t, name, r.Name)
		require.Subset(t, r.Packages, basePackages)
	}
	_, err := Named(t.Context(), "huge", ".")
	require.EqualError(t, err, `find image "huge": there are base, peers, build`)
}

func TestHash(t *testing.T) {
	require.Len(t, Base().Hash(), 64)
	require.Equal(t, Base().Hash(), Base().Hash())
	tests := []struct {
		name   string
		change func(r *Recipe)
	}{
		{"suite", func(r *Recipe) { r.Suite = "sid" }},
		{"packages", func(r *Recipe) { r.Packages = append(r.Packages, "strace") }},
		{"size", func(r *Recipe) { r.SizeBytes *= 2 }},
		{"toolchain", func(r *Recipe) { r.Go = &Go{Version: "go1.26.0"} }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := Base()
			tt.change(&r)
			require.NotEqual(t, Base().Hash(), r.Hash())
		})
	}
}

func TestFinishScript(t *testing.T) {
	tree := t.TempDir()
	for path, data := range map[string]string{
		"dev/null": "", "etc/machine-id": "0123", "etc/apt/sources.list": "deb http://user:secret@m.example/debian sid main",
		"etc/apt/apt.conf.d/99mmdebstrap": "secret", "etc/resolv.conf": "nameserver 192.0.2.1", "var/log/dpkg.log": "x", "tmp/x": "",
	} {
		require.NoError(t, os.MkdirAll(filepath.Join(tree, filepath.Dir(path)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(tree, path), []byte(data), 0o644))
	}
	require.NoError(t, os.Mkdir(filepath.Join(tree, "run"), 0o755))
	out, err := exec.Command("sh", "-c", finishScript, "finish.sh", tree).CombinedOutput()
	require.NoError(t, err, "%s", out)

	for _, dir := range []string{"payload", "scratch", "out", "usr/lib/modules", "dev", "tmp"} {
		require.DirExists(t, filepath.Join(tree, dir))
	}
	for _, gone := range []string{"dev/null", "tmp/x", "var/log/dpkg.log", "etc/apt/sources.list", "etc/apt/apt.conf.d/99mmdebstrap"} {
		require.NoFileExists(t, filepath.Join(tree, gone))
	}
	for path, want := range map[string]string{"etc/machine-id": "", "etc/resolv.conf": "", "etc/fstab": "", "etc/hostname": "vmtest\n"} {
		data, err := os.ReadFile(filepath.Join(tree, path))
		require.NoError(t, err)
		require.Equal(t, want, string(data), path)
	}
	target, err := os.Readlink(filepath.Join(tree, "etc/systemd/system/systemd-networkd-wait-online.service"))
	require.NoError(t, err)
	require.Equal(t, "/dev/null", target)
}
