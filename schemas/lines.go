package schemas

import (
	"bufio"
	"errors"
	"io"
)

// lineReader yields lines without their end. A line that is too long comes
// back cut to MaxRecordBytes+1, and the rest of it is skipped: memory stays
// bounded and the lines after it still count.
type lineReader struct {
	r    *bufio.Reader
	line []byte
}

func newLineReader(r io.Reader) *lineReader {
	return &lineReader{r: bufio.NewReaderSize(r, 64<<10)}
}

// next returns the next line, valid until the call after, or io.EOF.
func (l *lineReader) next() ([]byte, error) {
	l.line = l.line[:0]
	for {
		part, err := l.r.ReadSlice('\n')
		l.line = append(l.line, part[:min(len(part), MaxRecordBytes+1-len(l.line))]...)
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF) && len(l.line) > 0, err == nil:
			return trimEnd(l.line), nil
		}
		return nil, err
	}
}

func trimEnd(line []byte) []byte {
	if n := len(line); n > 0 && line[n-1] == '\n' {
		line = line[:n-1]
	}
	return line
}
