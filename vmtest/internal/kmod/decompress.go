package kmod

import (
	"bufio"
	"compress/gzip"
	"fmt"
	"io"
	"os"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// maxModuleBytes bounds one decompressed module, so that a hostile or broken
// file cannot fill the memory. The largest in Debian's cloud kernels is 3 MB,
// the largest with debug information about 150 MB.
const maxModuleBytes = 256 << 20

// readModule returns a module file's decompressed bytes, at most limit.
func readModule(file string, limit int64) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("open module: %w", err)
	}
	defer f.Close()
	_, suffix, ok := cutSuffix(file)
	if !ok {
		return nil, fmt.Errorf("open module %s: not a .ko file", file)
	}
	r, closeReader, err := decompressor(bufio.NewReader(f), suffix, limit)
	if err != nil {
		return nil, fmt.Errorf("decompress %s: %w", file, err)
	}
	defer closeReader()
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, fmt.Errorf("decompress %s: %w", file, err)
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("decompress %s: more than %d bytes", file, limit)
	}
	return data, nil
}

// decompressor wraps r by the file's suffix. The second result frees what
// the decompressor holds.
func decompressor(r io.Reader, suffix string, limit int64) (io.Reader, func(), error) {
	none := func() {}
	switch suffix {
	case ".ko.xz":
		d, err := xz.NewReader(r)
		return d, none, err
	case ".ko.zst":
		d, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1),
			zstd.WithDecoderMaxMemory(uint64(limit)))
		if err != nil {
			return nil, none, err
		}
		return d, d.Close, nil
	case ".ko.gz":
		d, err := gzip.NewReader(r)
		return d, none, err
	}
	return r, none, nil
}
