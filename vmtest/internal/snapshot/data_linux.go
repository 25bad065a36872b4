package snapshot

import (
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// nextData finds the first extent with data at or after from. It is io.EOF if
// the rest of the file is a hole.
func nextData(f *os.File, from int64) (begin, end int64, err error) {
	fd := int(f.Fd())
	if begin, err = unix.Seek(fd, from, unix.SEEK_DATA); err != nil {
		if errors.Is(err, unix.ENXIO) {
			err = io.EOF
		}
		return 0, 0, err
	}
	end, err = unix.Seek(fd, begin, unix.SEEK_HOLE)
	return begin, end, err
}
