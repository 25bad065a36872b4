package kernels

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// What this package reads of the OCI image specification 1.1: an image layout
// is a directory with oci-layout, index.json and blobs/sha256/<hex>.
type (
	descriptor struct {
		MediaType   string            `json:"mediaType"`
		Digest      string            `json:"digest"`
		Size        int64             `json:"size"`
		Platform    *platform         `json:"platform"`
		Annotations map[string]string `json:"annotations"`
	}
	platform struct {
		Architecture string `json:"architecture"`
		OS           string `json:"os"`
	}
	ociIndex struct {
		Manifests []descriptor `json:"manifests"`
	}
	ociManifest struct {
		Config descriptor   `json:"config"`
		Layers []descriptor `json:"layers"`
	}
)

const (
	refName = "org.opencontainers.image.ref.name"
	// maxDocumentBytes bounds indexes, manifests and configurations.
	maxDocumentBytes = 4 << 20
	// maxIndexDepth bounds indexes within indexes.
	maxIndexDepth = 4
)

// layout is an open OCI image layout.
type layout struct{ root *os.Root }

// oci gets a kernel out of an image layout: boot/vmlinuz and lib/modules, as
// cilium's ci-kernels have them.
func (i *importer) oci(ctx context.Context, spec Spec) (Kernel, error) {
	root, err := os.OpenRoot(spec.Dir)
	if err != nil {
		return Kernel{}, unavailable(err)
	}
	defer root.Close()
	l := layout{root}
	chosen, manifest, err := l.find(spec.Tag)
	if err != nil {
		return Kernel{}, fmt.Errorf("read OCI layout %s: %w", spec.Dir, err)
	}
	name := plain(filepath.Base(filepath.Clean(spec.Dir)))
	return i.store.bring(ctx, recipe{
		kind: KindOCI, key: strings.TrimPrefix(chosen.Digest, "sha256:"), needBytes: 4 * manifest.layerBytes(),
		build: func(ctx context.Context, tmp string) (parts, func(), error) {
			p, done, err := l.unpack(ctx, manifest, tmp)
			p.version = spec.Tag
			p.packages = []Package{{
				Name: name, Version: spec.Tag, File: name,
				SHA256: strings.TrimPrefix(chosen.Digest, "sha256:"), Source: FromOCI,
			}}
			return p, done, err
		},
	})
}

func (m ociManifest) layerBytes() int64 {
	var sum int64
	for _, l := range m.Layers {
		sum += l.Size
	}
	return sum
}

// find returns the manifest of a tag for linux/amd64.
func (l layout) find(tag string) (descriptor, ociManifest, error) {
	var version struct {
		Version string `json:"imageLayoutVersion"`
	}
	if err := l.document("oci-layout", &version); err != nil {
		return descriptor{}, ociManifest{}, err
	}
	if version.Version != "1.0.0" {
		return descriptor{}, ociManifest{}, fmt.Errorf("layout version %q, want 1.0.0", version.Version)
	}
	var index ociIndex
	if err := l.document("index.json", &index); err != nil {
		return descriptor{}, ociManifest{}, err
	}
	tagged, err := index.tagged(tag)
	if err != nil {
		return descriptor{}, ociManifest{}, err
	}
	found, err := l.images(tagged, 0)
	if err != nil {
		return descriptor{}, ociManifest{}, err
	}
	if len(found) != 1 {
		return descriptor{}, ociManifest{}, fmt.Errorf("%d images for linux/amd64, want one (tags: %s)", len(found), index.tags())
	}
	var manifest ociManifest
	err = l.blobJSON(found[0], &manifest)
	return found[0], manifest, err
}

// tagged leaves the entries with the tag; all if none is asked for.
func (x ociIndex) tagged(tag string) ([]descriptor, error) {
	if tag == "" {
		return x.Manifests, nil
	}
	var found []descriptor
	for _, d := range x.Manifests {
		// Some tools write the whole reference, "ghcr.io/cilium/ci-kernels:6.12".
		if name := d.Annotations[refName]; name == tag || strings.HasSuffix(name, ":"+tag) {
			found = append(found, d)
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("%w: no tag %q (tags: %s)", ErrUnavailable, tag, x.tags())
	}
	return found, nil
}

func (x ociIndex) tags() string {
	var tags []string
	for _, d := range x.Manifests {
		if name := d.Annotations[refName]; name != "" {
			tags = append(tags, name)
		}
	}
	if len(tags) == 0 {
		return "none"
	}
	return strings.Join(tags, ", ")
}

// images follows indexes down to the manifests for linux/amd64, each once.
func (l layout) images(list []descriptor, depth int) ([]descriptor, error) {
	if depth > maxIndexDepth {
		return nil, errors.New("indexes within indexes without end")
	}
	var found []descriptor
	add := func(more ...descriptor) {
		for _, d := range more {
			if !containsDigest(found, d.Digest) {
				found = append(found, d)
			}
		}
	}
	for _, d := range list {
		switch {
		case d.Platform != nil && !d.Platform.fits():
		case d.isIndex():
			var index ociIndex
			if err := l.blobJSON(d, &index); err != nil {
				return nil, err
			}
			more, err := l.images(index.Manifests, depth+1)
			if err != nil {
				return nil, err
			}
			add(more...)
		case d.isManifest():
			ok, err := l.fits(d)
			if err != nil {
				return nil, err
			}
			if ok {
				add(d)
			}
		}
	}
	return found, nil
}

func containsDigest(list []descriptor, digest string) bool {
	for _, d := range list {
		if d.Digest == digest {
			return true
		}
	}
	return false
}

func (p platform) fits() bool { return p.Architecture == "amd64" && p.OS == "linux" }

func (d descriptor) isIndex() bool {
	return d.MediaType == "application/vnd.oci.image.index.v1+json" ||
		d.MediaType == "application/vnd.docker.distribution.manifest.list.v2+json"
}

func (d descriptor) isManifest() bool {
	return d.MediaType == "application/vnd.oci.image.manifest.v1+json" ||
		d.MediaType == "application/vnd.docker.distribution.manifest.v2+json"
}

// fits reads the platform from the image's configuration where the descriptor
// does not say it.
func (l layout) fits(d descriptor) (bool, error) {
	if d.Platform != nil {
		return true, nil
	}
	var manifest ociManifest
	if err := l.blobJSON(d, &manifest); err != nil {
		return false, err
	}
	var config platform
	if err := l.blobJSON(manifest.Config, &config); err != nil {
		return false, err
	}
	return config.Architecture == "" || config.fits(), nil
}

// document reads one of the layout's two fixed files.
func (l layout) document(name string, into any) error {
	in, err := file{l.root, name}.open()
	if err != nil {
		return unavailable(err)
	}
	defer in.Close()
	data, err := io.ReadAll(io.LimitReader(in, maxDocumentBytes))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	return nil
}

// blobJSON reads a document that a descriptor points to, and checks it.
func (l layout) blobJSON(d descriptor, into any) error {
	if d.Size > maxDocumentBytes {
		return fmt.Errorf("document %s of %d bytes", d.Digest, d.Size)
	}
	blob, err := l.blob(d)
	if err != nil {
		return err
	}
	defer blob.file.Close()
	data, err := io.ReadAll(blob)
	if err != nil {
		return err
	}
	if err := blob.check(); err != nil {
		return err
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("read %s: %w", d.Digest, err)
	}
	return nil
}

// blob opens what a descriptor points to. check tells afterwards whether it was
// the right thing.
func (l layout) blob(d descriptor) (*blob, error) {
	sum, ok := strings.CutPrefix(d.Digest, "sha256:")
	if !ok || !sumForm.MatchString(sum) {
		return nil, fmt.Errorf("digest %q is no sha256", d.Digest)
	}
	f, err := file{l.root, "blobs/sha256/" + sum}.open()
	if err != nil {
		return nil, err
	}
	h := sha256.New()
	return &blob{Reader: io.TeeReader(io.LimitReader(f, d.Size+1), h), file: f, want: d, sum: func() string { return hex.EncodeToString(h.Sum(nil)) }}, nil
}

type blob struct {
	io.Reader
	file *os.File
	want descriptor
	sum  func() string
}

// check reads what is left and compares size and digest.
func (b *blob) check() error {
	if _, err := io.Copy(io.Discard, b.Reader); err != nil {
		return err
	}
	info, err := b.file.Stat()
	if err != nil {
		return err
	}
	if info.Size() != b.want.Size || "sha256:"+b.sum() != b.want.Digest {
		return fmt.Errorf("blob %s does not have its digest or size (%d bytes, want %d): truncated or changed", b.want.Digest, info.Size(), b.want.Size)
	}
	return nil
}
