package snapshot

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
)

// blockBytes is the grain of a digest, small enough for the CPU's cache.
const blockBytes = 256 << 10

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	zeroBlock  = make([]byte, blockBytes)
)

// digest is a SHA-256 over number and CRC-32C of each block that is not all
// zero, so holes need not be read and may come and go. A guest's RAM has some
// hundred megabytes of data: the CPU's own CRC instruction checks them in a few
// hundredths of a second, where SHA-256 would take longer than the restore. It
// finds damage; it is no seal, since whoever can write the cache can write the
// record too.
func digest(f *os.File) (string, error) {
	sum := sha256.New()
	buf := make([]byte, blockBytes)
	next := int64(0)
	for {
		begin, end, err := nextData(f, next)
		if errors.Is(err, io.EOF) {
			return hex.EncodeToString(sum.Sum(nil)), nil
		}
		if err != nil {
			return "", fmt.Errorf("digest %s: %w", f.Name(), err)
		}
		// A block that begins in one extent may go on in the next.
		for next = max(next, begin/blockBytes*blockBytes); next < end; next += blockBytes {
			n, err := f.ReadAt(buf, next)
			if err != nil && !errors.Is(err, io.EOF) {
				return "", fmt.Errorf("digest: %w", err)
			}
			if n == 0 || bytes.Equal(buf[:n], zeroBlock[:n]) {
				continue
			}
			var block [12]byte
			binary.LittleEndian.PutUint64(block[:], uint64(next))
			binary.LittleEndian.PutUint32(block[8:], crc32.Checksum(buf[:n], castagnoli))
			_, _ = sum.Write(block[:])
		}
	}
}
