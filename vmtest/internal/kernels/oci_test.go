package kernels

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"
)

// item is one entry of a layer.
type item struct {
	name, link, data string
	kind             byte // 0 is a regular file
}

// pack makes a layer's tar.
func pack(t testing.TB, items ...item) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, i := range items {
		if i.kind == 0 {
			i.kind = tar.TypeReg
		}
		require.NoError(t, w.WriteHeader(&tar.Header{Name: i.name, Linkname: i.link, Typeflag: i.kind, Mode: 0o755, Size: int64(len(i.data))}))
		_, err := w.Write([]byte(i.data))
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return b.Bytes()
}

const (
	layerType    = "application/vnd.oci.image.layer.v1.tar"
	configType   = "application/vnd.oci.image.config.v1+json"
	manifestType = "application/vnd.oci.image.manifest.v1+json"
	indexType    = "application/vnd.oci.image.index.v1+json"
)

// put stores a blob.
func put(t testing.TB, dir, mediaType string, data []byte) descriptor {
	t.Helper()
	sum := sha256.Sum256(data)
	digest := hex.EncodeToString(sum[:])
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "blobs/sha256"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "blobs/sha256", digest), data, 0o644))
	return descriptor{MediaType: mediaType, Digest: "sha256:" + digest, Size: int64(len(data))}
}

func putJSON(t testing.TB, dir, mediaType string, document any) descriptor {
	t.Helper()
	data, err := json.Marshal(document)
	require.NoError(t, err)
	return put(t, dir, mediaType, data)
}

// image stores a manifest with these layers.
func image(t testing.TB, dir, arch string, layers ...[]byte) descriptor {
	t.Helper()
	m := ociManifest{Config: putJSON(t, dir, configType, platform{arch, "linux"})}
	for _, l := range layers {
		m.Layers = append(m.Layers, put(t, dir, layerType, l))
	}
	return putJSON(t, dir, manifestType, m)
}

// index completes the layout.
func index(t testing.TB, dir string, list ...descriptor) string {
	t.Helper()
	data, err := json.Marshal(ociIndex{list})
	require.NoError(t, err)
	files2(t, dir, "index.json", data)
	files2(t, dir, "oci-layout", []byte(`{"imageLayoutVersion":"1.0.0"}`))
	return dir
}

func files2(t testing.TB, dir, name string, data []byte) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(dir, name), data, 0o644))
}

func tagged(d descriptor, tag string) descriptor {
	d.Annotations = map[string]string{refName: tag}
	return d
}

func gz(t testing.TB, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write(data)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.Bytes()
}

func zst(t testing.TB, data []byte) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	require.NoError(t, err)
	return w.EncodeAll(data, nil)
}

// ciKernel are the layers of a kernel as cilium's ci-kernels have them: a
// kernel without modules.builtin, and lib as a link to usr/lib.
func ciKernel(t testing.TB, release string) []item {
	return []item{
		{name: "boot/vmlinuz", data: string(bzImage(t, release, "CONFIG_EXT4_FS=n\n"))},
		{name: "usr/lib/modules/" + release + "/extra/bpf_testmod.ko", data: "module"},
		{name: "lib", kind: tar.TypeSymlink, link: "usr/lib"},
	}
}

func TestFetchOCI(t *testing.T) {
	kernel := ciKernel(t, "6.12.8")
	tests := []struct {
		name string
		make func(t *testing.T, dir string)
		spec string
	}{
		{"one image", func(t *testing.T, dir string) {
			index(t, dir, image(t, dir, "amd64", pack(t, kernel...)))
		}, ""},
		{"compressed layers", func(t *testing.T, dir string) {
			index(t, dir, image(t, dir, "amd64", gz(t, pack(t, kernel[:1]...)), zst(t, pack(t, kernel[1:]...))))
		}, ""},
		{"tag", func(t *testing.T, dir string) {
			index(t, dir, tagged(image(t, dir, "amd64", pack(t, ciKernel(t, "6.1.0")...)), "6.1"),
				tagged(image(t, dir, "amd64", pack(t, kernel...)), "ghcr.io/cilium/ci-kernels:6.12"))
		}, ":6.12"},
		{"platforms", func(t *testing.T, dir string) {
			arm, amd := image(t, dir, "arm64", pack(t, ciKernel(t, "6.1.0")...)), image(t, dir, "amd64", pack(t, kernel...))
			arm.Platform, amd.Platform = &platform{"arm64", "linux"}, &platform{"amd64", "linux"}
			attestation := image(t, dir, "", pack(t))
			attestation.Platform = &platform{"unknown", "unknown"}
			index(t, dir, tagged(putJSON(t, dir, indexType, ociIndex{[]descriptor{arm, amd, attestation}}), "x"))
		}, ""},
		{"platform in the configuration", func(t *testing.T, dir string) {
			index(t, dir, image(t, dir, "arm64", pack(t)), image(t, dir, "amd64", pack(t, kernel...)))
		}, ""},
		{"whiteouts", func(t *testing.T, dir string) {
			old := pack(t, append(ciKernel(t, "6.12.8"), item{name: "boot/vmlinuz-6.0.0", data: string(bzImage(t, "6.0.0", ""))},
				item{name: "usr/lib/modules/6.0.0/a.ko", data: "a"}, item{name: "usr/lib/modules/6.12.8/extra/old.ko", data: "a"})...)
			index(t, dir, image(t, dir, "amd64", old, pack(t, item{name: "boot/.wh.vmlinuz-6.0.0"},
				item{name: "usr/lib/modules/.wh.6.0.0"},
				item{name: "usr/lib/modules/6.12.8/extra/bpf_testmod.ko", data: "module"},
				item{name: "usr/lib/modules/6.12.8/extra/.wh..wh..opq"})))
		}, ""},
		{"through the link", func(t *testing.T, dir string) {
			index(t, dir, image(t, dir, "amd64", pack(t, kernel[0], item{name: "usr/lib", kind: tar.TypeDir}, kernel[2]),
				pack(t, item{name: "lib/modules/6.12.8/extra/bpf_testmod.ko", data: "module"})))
		}, ""},
		{"absolute link", func(t *testing.T, dir string) {
			index(t, dir, image(t, dir, "amd64", pack(t, kernel[0], item{name: "usr/lib", kind: tar.TypeDir},
				item{name: "lib", kind: tar.TypeSymlink, link: "/usr/lib"}, item{name: "lib/modules/6.12.8/extra/bpf_testmod.ko", data: "module"})))
		}, ""},
		{"not of a kernel", func(t *testing.T, dir string) {
			index(t, dir, image(t, dir, "amd64", pack(t, append(kernel, item{name: "etc/passwd", data: "x"}, item{name: "dev/null", kind: tar.TypeChar})...)))
		}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t)
			dir := t.TempDir()
			tt.make(t, dir)
			k, err := b.source(t).Fetch(t.Context(), "oci:"+dir+tt.spec)
			require.NoError(t, err)
			require.Equal(t, "6.12.8", k.Release)
			require.Equal(t, FromOCI, k.Packages[0].Source)
			modules, err := filepath.Glob(k.ModulesDir + "/extra/*")
			require.NoError(t, err)
			require.Equal(t, []string{filepath.Join(k.ModulesDir, "extra/bpf_testmod.ko")}, modules)
			config, err := os.ReadFile(k.ConfigPath)
			require.NoError(t, err)
			require.Equal(t, "CONFIG_EXT4_FS=n\n", string(config))
			b.clean(t)
		})
	}
}

func TestFetchOCIRefuses(t *testing.T) {
	kernel := ciKernel(t, "6.12.8")
	secret := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(secret, plainImage("6.6.6"), 0o644))
	spoil := func(t *testing.T, dir string, d descriptor, change func([]byte) []byte) {
		path := filepath.Join(dir, "blobs/sha256", d.Digest[len("sha256:"):])
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(path, change(data), 0o644))
	}
	one := func(items ...item) func(*testing.T, string) {
		return func(t *testing.T, dir string) { index(t, dir, image(t, dir, "amd64", pack(t, items...))) }
	}
	tests := []struct {
		name, want string
		make       func(t *testing.T, dir string)
	}{
		{"no layout", "no such file", func(*testing.T, string) {}},
		{"version", `layout version "2.0.0"`, func(t *testing.T, dir string) {
			index(t, dir)
			files2(t, dir, "oci-layout", []byte(`{"imageLayoutVersion":"2.0.0"}`))
		}},
		{"no image", "0 images for linux/amd64", func(t *testing.T, dir string) { index(t, dir) }},
		{"two images", "2 images for linux/amd64, want one (tags: a, b)", func(t *testing.T, dir string) {
			index(t, dir, tagged(image(t, dir, "amd64", pack(t, kernel...)), "a"), tagged(image(t, dir, "amd64", pack(t)), "b"))
		}},
		{"other platform", "0 images for linux/amd64", func(t *testing.T, dir string) { index(t, dir, image(t, dir, "arm64", pack(t, kernel...))) }},
		{"changed layer", "truncated or changed", func(t *testing.T, dir string) {
			layer := pack(t, kernel...)
			index(t, dir, image(t, dir, "amd64", layer))
			spoil(t, dir, put(t, dir, layerType, layer), func(b []byte) []byte { b[5000] ^= 1; return b })
		}},
		{"truncated layer", "truncated or changed", func(t *testing.T, dir string) {
			layer := pack(t, kernel...)
			index(t, dir, image(t, dir, "amd64", layer))
			spoil(t, dir, put(t, dir, layerType, layer), func(b []byte) []byte { return b[:len(b)-600] })
		}},
		{"longer layer", "truncated or changed", func(t *testing.T, dir string) {
			layer := pack(t, kernel...)
			index(t, dir, image(t, dir, "amd64", layer))
			spoil(t, dir, put(t, dir, layerType, layer), func(b []byte) []byte { return append(b, 0) })
		}},
		{"changed manifest", "truncated or changed", func(t *testing.T, dir string) {
			d := image(t, dir, "amd64", pack(t, kernel...))
			index(t, dir, d)
			spoil(t, dir, d, func(b []byte) []byte { return bytes.Replace(b, []byte("sha256"), []byte("sha512"), 1) })
		}},
		{"other digest", "is no sha256", func(t *testing.T, dir string) {
			d := image(t, dir, "amd64", pack(t, kernel...))
			d.Digest = "sha512:00"
			index(t, dir, d)
		}},
		{"digest that leads out", "is no sha256", func(t *testing.T, dir string) {
			d := image(t, dir, "amd64", pack(t, kernel...))
			d.Digest = "sha256:../../../etc/passwd"
			index(t, dir, d)
		}},
		{"name that leads out", "leads out of the image", one(append(kernel, item{name: "../boot/x", data: "x"})...)},
		{"link that leads out", "no kernel image", one(item{name: "boot/vmlinuz", kind: tar.TypeSymlink, link: "../../../../../../../../../.." + secret})},
		{"write through a link", "escapes", one(item{name: "boot", kind: tar.TypeSymlink, link: "../../.."}, item{name: "boot/vmlinuz", data: "x"})},
		{"hard link that leads out", "escapes", one(item{name: "boot/vmlinuz", kind: tar.TypeLink, link: "../../../../../../../../../.." + secret})},
		{"absolute link", "no kernel image", one(item{name: "boot/vmlinuz", kind: tar.TypeSymlink, link: secret})},
		{"no kernel", "no kernel image", one(item{name: "boot/README", data: "x"})},
		{"modules of another", "the modules are for 6.1.0", one(kernel[0], item{name: "lib/modules/6.1.0/a.ko", data: "x"})},
		{"no tar", "is no tar", func(t *testing.T, dir string) {
			m := ociManifest{Config: putJSON(t, dir, configType, platform{"amd64", "linux"}), Layers: []descriptor{put(t, dir, "application/json", []byte("{}"))}}
			index(t, dir, putJSON(t, dir, manifestType, m))
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t)
			dir := t.TempDir()
			tt.make(t, dir)
			k, err := b.source(t).Fetch(t.Context(), "oci:"+dir)
			require.ErrorContains(t, err, tt.want, k.Release)
			b.clean(t)
		})
	}
	b := newBench(t)
	dir := t.TempDir()
	index(t, dir, tagged(image(t, dir, "amd64", pack(t, kernel...)), "a"))
	_, err := b.source(t).Fetch(t.Context(), "oci:"+dir+":b")
	require.ErrorIs(t, err, ErrUnavailable)
	require.ErrorContains(t, err, `no tag "b" (tags: a)`)
}

func TestApplyLayerHasLimit(t *testing.T) {
	root, err := os.OpenRoot(t.TempDir())
	require.NoError(t, err)
	defer root.Close()
	layer := pack(t, item{name: "boot/a", data: "1234"}, item{name: "etc/not-kept", data: "1234"}, item{name: "boot/b", data: "5678"})
	require.NoError(t, applyTar(bytes.NewReader(layer), root, 8))
	require.ErrorContains(t, applyTar(bytes.NewReader(layer), root, 7), "boot/b: files are too large")
}

func FuzzApplyLayer(f *testing.F) {
	f.Add(pack(f, ciKernel(f, "6.12.8")...))
	f.Add(pack(f, item{name: "boot/.wh..wh..opq"}, item{name: "boot/.wh.x"}, item{name: "lib", kind: tar.TypeSymlink, link: "../.."}, item{name: "lib/modules/x", data: "x"}))
	f.Fuzz(func(t *testing.T, data []byte) {
		outside := t.TempDir()
		require.NoError(t, os.Mkdir(filepath.Join(outside, "root"), 0o755))
		root, err := os.OpenRoot(filepath.Join(outside, "root"))
		require.NoError(t, err)
		defer root.Close()
		_ = applyTar(bytes.NewReader(data), root, 1<<20)
		left, err := os.ReadDir(outside)
		require.NoError(t, err)
		require.Len(t, left, 1, "something was written outside")
	})
}
