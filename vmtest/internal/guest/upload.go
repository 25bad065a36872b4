package guest

import (
	"fmt"
	"os"
	"path/filepath"

	"namespaces-cgroups-ebpf/vmtest/internal/wire"
)

// upload is a Put in progress. The first error is kept until the end, since
// the host's data is on its way already.
type upload struct {
	put  wire.Put
	file *os.File
	size int64
	err  error
}

func newUpload(put wire.Put) *upload {
	u := &upload{put: put}
	dir := filepath.Dir(put.Path)
	if !filepath.IsAbs(put.Path) {
		u.err = fmt.Errorf("put file: %s is not absolute", put.Path)
	} else if err := os.MkdirAll(dir, 0o755); err != nil {
		u.err = fmt.Errorf("put file: %w", err)
	} else if u.file, err = os.CreateTemp(dir, ".put-*"); err != nil {
		u.err = fmt.Errorf("put file: %w", err)
	}
	return u
}

func (u *upload) write(data []byte) {
	if u.err != nil {
		return
	}
	n, err := u.file.Write(data)
	u.size += int64(n)
	if err != nil {
		u.err = fmt.Errorf("put file: %w", err)
	}
}

// finish gives the file its name, or removes it, and returns its size in bytes.
func (u *upload) finish() (int64, error) {
	if u.file == nil {
		return 0, u.err
	}
	if u.err == nil {
		u.err = u.file.Chmod(os.FileMode(u.put.Mode) & os.ModePerm)
	}
	if err := u.file.Close(); u.err == nil {
		u.err = err
	}
	if u.err == nil {
		u.err = os.Rename(u.file.Name(), u.put.Path)
	}
	if u.err != nil {
		_ = os.Remove(u.file.Name())
		return 0, fmt.Errorf("put file: %w", u.err)
	}
	return u.size, nil
}
