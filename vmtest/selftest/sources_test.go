//go:build selftest && linux

package selftest

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/vmtest"
)

// cached is a kernel of the cache, as `vmtest kernels fetch --json` shows it.
type cached struct {
	Release string `json:"release"`
	Image   string `json:"-"`
	Modules string `json:"-"`
}

// TestKernelSources boots one kernel from each kind of source.
func TestKernelSources(t *testing.T) {
	k := kernel(t, "6.12")
	image, err := os.ReadFile(k.Image)
	require.NoError(t, err)
	sum := sha256.Sum256(image)
	server := httptest.NewServer(http.FileServer(http.Dir(filepath.Dir(k.Image))))
	t.Cleanup(server.Close)

	// Nothing of this stays in the cache, which only lends its root disk.
	cache := t.TempDir()
	require.NoError(t, os.Symlink(filepath.Join(cacheDir(t), "images"), filepath.Join(cache, "images")))
	sources := []struct{ name, spec string }{
		{"image and modules", k.Image + ",modules=" + k.Modules},
		{"packages", "deb:" + pack(t, k, "image") + "," + pack(t, k, "modules")},
		{"URL", server.URL + "/vmlinuz#sha256=" + hex.EncodeToString(sum[:]) + ",modules=" + filepath.Dir(k.Modules)},
		{"OCI layout", "oci:" + ociLayout(t, k) + ":6.12"},
	}
	for _, s := range sources {
		t.Run(s.name, func(t *testing.T) { bootFrom(t, cache, s.spec, k.Release) })
	}
}

// bootFrom boots a kernel and loads a module that is on none of the disks
// unless the source brought it.
func bootFrom(t *testing.T, cache, spec, release string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	vm, err := vmtest.Boot(ctx, vmtest.Config{Kernel: spec, CacheDir: cache, Init: guestInit(), Cold: true})
	require.NoError(t, err)
	defer vm.Close()
	require.Equal(t, release, vm.Release)
	out, err := vm.CommandContext(ctx, "/usr/bin/sh", "-c",
		"/usr/sbin/modprobe -v veth && uname -r && ls -d /sys/module/veth").Output()
	require.NoError(t, err, string(out))
	require.Contains(t, string(out), release+"\n/sys/module/veth")
}

// kernel gets a series into the cache and finds its files there.
func kernel(t *testing.T, series string) cached {
	t.Helper()
	out, err := exec.Command(program(), "kernels", "fetch", "--json", series).Output()
	require.NoError(t, err)
	var doc struct {
		Kernels []struct {
			ID      string `json:"id"`
			Release string `json:"release"`
		} `json:"kernels"`
	}
	require.NoError(t, json.Unmarshal(out, &doc))
	require.Len(t, doc.Kernels, 1)
	dir := filepath.Join(cacheDir(t), "kernels", doc.Kernels[0].ID)
	release := doc.Kernels[0].Release
	return cached{Release: release, Image: filepath.Join(dir, "vmlinuz"), Modules: filepath.Join(dir, "lib", "modules", release)}
}

func cacheDir(t *testing.T) string {
	t.Helper()
	if dir := os.Getenv("VMTEST_CACHE"); dir != "" {
		return dir
	}
	dir, err := os.UserCacheDir()
	require.NoError(t, err)
	return filepath.Join(dir, "namespaces-cgroups-ebpf")
}

// pack builds a package as Ubuntu's mainline builds are cut: the image in one,
// the modules in another, with zstd members.
func pack(t *testing.T, k cached, what string) string {
	t.Helper()
	dir := t.TempDir()
	name := "linux-" + what + "-" + k.Release
	control := "Package: " + strings.ReplaceAll(name, "_", "-") + "\nVersion: 1\nArchitecture: amd64\nMaintainer: A <a@example.org>\nDescription: x\n"
	write(t, filepath.Join(dir, "DEBIAN", "control"), []byte(control))
	if what == "image" {
		data, err := os.ReadFile(k.Image)
		require.NoError(t, err)
		write(t, filepath.Join(dir, "boot", "vmlinuz-"+k.Release), data)
	} else {
		require.NoError(t, os.CopyFS(filepath.Join(dir, "lib", "modules", k.Release), someModules(k.Modules)))
	}
	deb := filepath.Join(t.TempDir(), name+"_1_amd64.deb")
	out, err := exec.Command("dpkg-deb", "--root-owner-group", "-Zzstd", "-z1", "-b", dir, deb).CombinedOutput()
	require.NoError(t, err, string(out))
	return deb
}

// someModules are the parts of a modules directory that these tests need.
func someModules(dir string) fs.FS { return pruned{os.DirFS(dir)} }

// pruned leaves most drivers out: packing them all takes longer than a boot.
type pruned struct{ fs.FS }

// ReadDir implements fs.ReadDirFS.
func (p pruned) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := fs.ReadDir(p.FS, name)
	var kept []fs.DirEntry
	for _, e := range entries {
		if name != "kernel/drivers" || slices.Contains([]string{"block", "char", "net", "virtio"}, e.Name()) {
			kept = append(kept, e)
		}
	}
	return kept, err
}

func write(t *testing.T, path string, data []byte) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, data, 0o644))
}

// ociLayout packs a kernel the way cilium's ci-kernels are: boot/vmlinuz in one
// layer, usr/lib/modules with lib as a link in another.
func ociLayout(t *testing.T, k cached) string {
	t.Helper()
	dir := t.TempDir()
	image, err := os.ReadFile(k.Image)
	require.NoError(t, err)
	var boot, modules bytes.Buffer
	w := tar.NewWriter(&boot)
	require.NoError(t, w.WriteHeader(&tar.Header{Name: "boot/vmlinuz", Mode: 0o644, Size: int64(len(image)), Typeflag: tar.TypeReg}))
	_, err = w.Write(image)
	require.NoError(t, err)
	require.NoError(t, w.Close())

	z, err := zstd.NewWriter(&modules, zstd.WithEncoderLevel(zstd.SpeedFastest))
	require.NoError(t, err)
	w = tar.NewWriter(z)
	require.NoError(t, w.WriteHeader(&tar.Header{Name: "lib", Linkname: "usr/lib", Typeflag: tar.TypeSymlink}))
	tree := someModules(k.Modules)
	require.NoError(t, fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		if err := w.WriteHeader(&tar.Header{Name: "usr/lib/modules/" + k.Release + "/" + name, Mode: 0o644, Size: int64(len(data)), Typeflag: tar.TypeReg}); err != nil {
			return err
		}
		_, err = w.Write(data)
		return err
	}))
	require.NoError(t, w.Close())
	require.NoError(t, z.Close())

	const layer = "application/vnd.oci.image.layer.v1.tar"
	config := blob(t, dir, "application/vnd.oci.image.config.v1+json", []byte(`{"architecture":"amd64","os":"linux"}`))
	manifest, err := json.Marshal(map[string]any{
		"schemaVersion": 2, "config": config,
		"layers": []any{blob(t, dir, layer, boot.Bytes()), blob(t, dir, layer+"+zstd", modules.Bytes())},
	})
	require.NoError(t, err)
	entry := blob(t, dir, "application/vnd.oci.image.manifest.v1+json", manifest)
	entry["annotations"] = map[string]string{"org.opencontainers.image.ref.name": "6.12"}
	index, err := json.Marshal(map[string]any{"schemaVersion": 2, "manifests": []any{entry}})
	require.NoError(t, err)
	write(t, filepath.Join(dir, "index.json"), index)
	write(t, filepath.Join(dir, "oci-layout"), []byte(`{"imageLayoutVersion":"1.0.0"}`))
	return dir
}

// blob stores data and returns its descriptor.
func blob(t *testing.T, dir, mediaType string, data []byte) map[string]any {
	t.Helper()
	sum := sha256.Sum256(data)
	digest := hex.EncodeToString(sum[:])
	write(t, filepath.Join(dir, "blobs", "sha256", digest), data)
	return map[string]any{"mediaType": mediaType, "digest": "sha256:" + digest, "size": len(data)}
}
