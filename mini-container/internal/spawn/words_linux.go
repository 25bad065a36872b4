package spawn

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"golang.org/x/sys/unix"
)

// The stages that the new process can fail at. stagePID is no failure: the
// process in between says which one it has started.
const (
	stageDone = iota
	stagePID
	stageJoin
	stageTime
	stageFork
	stageSession
	stageSeal
	stageGate
	stageRoot
	stageFiles
	stageExec
)

var doing = map[uint32]string{
	stageJoin:    "join namespace",
	stageTime:    "enter time namespace",
	stageFork:    "clone",
	stageSession: "start session",
	stageSeal:    "seal executable",
	stageGate:    "wait for id maps",
	stageRoot:    "take id 0",
	stageFiles:   "place descriptors",
	stageExec:    "execute",
}

// word is what the new process writes: eight bytes, in one write(2).
type word struct{ stage, value uint32 }

// failure turns the last word, or the error of reading it, into an error. End
// of file is the good end: the descriptor was closed by the exec.
func (w word) failure(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read from new process: %w", err)
	}
	return &Error{Doing: doing[w.stage], Errno: unix.Errno(w.value)}
}

// next reads a word.
func (r *rawPlan) next() (word, error) {
	var buffer [8]byte
	for {
		n, err := unix.Read(r.reportRead, buffer[:])
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return word{}, err
		case n == 0:
			return word{}, io.EOF
		case n != len(buffer):
			return word{}, io.ErrUnexpectedEOF
		default:
			return word{binary.NativeEndian.Uint32(buffer[:4]), binary.NativeEndian.Uint32(buffer[4:])}, nil
		}
	}
}
