package kernels

import (
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"debug/elf"
	"encoding/binary"
	"io"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// Marks around the gzipped .config of a kernel with CONFIG_IKCONFIG.
const (
	configBegin = "IKCFG_ST"
	configEnd   = "IKCFG_ED"
)

// Bounds on what a broken image may make us hold.
const (
	maxKernelBytes = 512 << 20
	maxConfigBytes = 4 << 20
)

// imageConfig returns the .config inside a kernel image, or nil: most
// distributions leave it out, and not every compression can be read here.
func imageConfig(r io.ReaderAt) []byte {
	head := make([]byte, headerBytes)
	if n, _ := r.ReadAt(head, 0); n < headerBytes {
		return nil
	}
	kernel := io.Reader(io.NewSectionReader(r, 0, maxKernelBytes))
	if !bytes.HasPrefix(head, []byte(elf.ELFMAG)) {
		if !isBzImage(head) {
			return nil
		}
		offset := (setupSects(head)+1)*sectorBytes + int64(binary.LittleEndian.Uint32(head[payloadAt:]))
		kernel = payloadReader(io.NewSectionReader(r, offset, int64(binary.LittleEndian.Uint32(head[payloadAt+4:]))))
	}
	if kernel == nil {
		return nil
	}
	// The compressed kernel is followed by its size, which ends in an error
	// only after everything was read.
	data, _ := io.ReadAll(io.LimitReader(kernel, maxKernelBytes))
	return embeddedConfig(data)
}

// embeddedConfig finds the .config in a decompressed kernel.
func embeddedConfig(kernel []byte) []byte {
	_, rest, ok := bytes.Cut(kernel, []byte(configBegin))
	if !ok {
		return nil
	}
	packed, _, ok := bytes.Cut(rest, []byte(configEnd))
	if !ok {
		return nil
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil
	}
	config, err := io.ReadAll(io.LimitReader(z, maxConfigBytes))
	if err != nil || len(config) == maxConfigBytes {
		return nil
	}
	return config
}

// payloadReader decompresses by the first bytes, or is nil.
func payloadReader(r io.Reader) io.Reader {
	magic := make([]byte, 6)
	if _, err := io.ReadFull(r, magic); err != nil {
		return nil
	}
	r = io.MultiReader(bytes.NewReader(magic), r)
	var d io.Reader
	var err error
	switch {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		d, err = gzip.NewReader(r)
	case bytes.HasPrefix(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		d, err = zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxKernelBytes))
	case bytes.HasPrefix(magic, []byte("\xfd7zXZ\x00")):
		d, err = xz.NewReader(r)
	case bytes.HasPrefix(magic, []byte("BZh")):
		d = bzip2.NewReader(r)
	default:
		return nil
	}
	if err != nil {
		return nil
	}
	return d
}
