package kernels

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"
)

const (
	// maxDownloadBytes bounds a download whose server does not say its size.
	maxDownloadBytes = 2 << 30
	// stallTimeout ends a download that brings nothing more.
	stallTimeout = time.Minute
)

// url gets a kernel image from a URL. What was fetched once is known by its
// checksum and not fetched again.
func (i *importer) url(ctx context.Context, spec Spec) (Kernel, error) {
	item := spec.Items[0]
	texts := []string{item.SHA256}
	p := parts{packages: []Package{{Name: item.base(), File: item.base(), SHA256: item.SHA256, Source: FromURL}}}
	if spec.Modules != "" {
		// Which release it is, is known only after the download.
		sum, err := dirSum(spec.Modules)
		if err != nil {
			return Kernel{}, err
		}
		texts = append(texts, sum)
	}
	return i.store.bring(ctx, recipe{
		kind: KindURL, key: keyOf(texts...), needBytes: 64 << 20,
		build: func(ctx context.Context, tmp string) (parts, func(), error) {
			return i.fetchImage(ctx, spec, p, tmp)
		},
	})
}

func dirSum(dir string) (string, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return "", unavailable(err)
	}
	defer root.Close()
	return file{root, "."}.treeSum()
}

func (i *importer) fetchImage(ctx context.Context, spec Spec, p parts, tmp string) (parts, func(), error) {
	path, err := i.download(ctx, spec.Items[0], tmp)
	if err != nil {
		return parts{}, nil, err
	}
	image, done, err := openFile(path)
	if err != nil {
		return parts{}, nil, err
	}
	p.image = image
	if spec.Modules == "" {
		return p, done, nil
	}
	release, err := releaseOf(image)
	if err != nil {
		done()
		return parts{}, nil, fmt.Errorf("%s: %w", spec.Items[0].base(), err)
	}
	root, sum, err := openModules(spec.Modules, release)
	if err != nil {
		done()
		return parts{}, nil, err
	}
	p.modules = file{root, "."}
	p.packages = append(p.packages, Package{Name: "modules", SHA256: sum, Source: FromLocal})
	return p, func() { done(); root.Close() }, nil
}

// download streams a URL to a file in dir. The file is there only if its
// checksum is right.
func (i *importer) download(ctx context.Context, item Item, dir string) (path string, err error) {
	path = filepath.Join(dir, "get-"+item.SHA256[:16])
	if err := i.fetchTo(ctx, item, path); err != nil {
		os.Remove(path)
		return "", fmt.Errorf("download %s: %w", withoutPassword(item.URL), err)
	}
	return path, nil
}

func (i *importer) fetchTo(ctx context.Context, item Item, path string) (err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stalled := time.AfterFunc(stallTimeout, func() { cancel(fmt.Errorf("nothing came for %v", stallTimeout)) })
	defer stalled.Stop()
	body, size, err := i.get(ctx, item.URL)
	if err != nil {
		return errors.Join(err, context.Cause(ctx))
	}
	defer func() { _ = body.Close() }()
	out, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	w := &progress{sum: sha256.New(), name: item.base(), total: size, log: i.log, beat: func() { stalled.Reset(stallTimeout) }}
	_, err = io.Copy(io.MultiWriter(out, w), io.LimitReader(body, i.limit+1))
	if err = errors.Join(err, out.Close()); err != nil {
		return errors.Join(err, context.Cause(ctx))
	}
	if w.done > i.limit {
		return fmt.Errorf("more than %d bytes", i.limit)
	}
	if sum := hex.EncodeToString(w.sum.Sum(nil)); sum != item.SHA256 {
		return fmt.Errorf("sha256 is %s, want %s: nothing of it is used", sum, item.SHA256)
	}
	return nil
}

// get sends the request. A server that cannot be reached or does not have the
// file makes the kernel unavailable, which is nobody's fault here.
func (i *importer) get(ctx context.Context, address string) (io.ReadCloser, int64, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, 0, err
	}
	request.Header.Set("Accept-Encoding", "identity") // the checksum is of the file as it lies there
	response, err := i.client.Do(request)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err // the address is said already, without its password
		}
		return nil, 0, mark(err, ErrUnavailable)
	}
	switch {
	case response.StatusCode != http.StatusOK:
		_ = response.Body.Close()
		return nil, 0, mark(fmt.Errorf("server says %s", response.Status), ErrUnavailable)
	case response.ContentLength > i.limit:
		_ = response.Body.Close()
		return nil, 0, fmt.Errorf("%d bytes are more than %d", response.ContentLength, i.limit)
	}
	return response.Body, response.ContentLength, nil
}

// progress counts and sums what passes, and says so every tenth of the way.
type progress struct {
	sum   hash.Hash
	name  string
	total int64 // -1 if the server did not say
	done  int64
	said  int64 // tenths
	log   func(string)
	beat  func()
}

// Write implements io.Writer.
func (p *progress) Write(data []byte) (int, error) {
	p.beat()
	p.done += int64(len(data))
	if p.total > 0 {
		if tenths := p.done * 10 / p.total; tenths > p.said {
			p.said = tenths
			p.log(fmt.Sprintf("fetch %s: %d of %d MB", p.name, p.done/1e6, p.total/1e6))
		}
	}
	return p.sum.Write(data)
}
