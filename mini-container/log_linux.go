package minicontainer

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"namespaces-cgroups-ebpf/internal/exitcode"
	"namespaces-cgroups-ebpf/mini-container/internal/state"
)

// A detached container's output goes to logFile; when that is full it becomes
// oldLogFile, and what was there before is gone: 10 GB of output may not fill
// the memory that the state directory lies in.
const (
	logFile    = "log"
	oldLogFile = "log.1"
	logLimit   = 4 << 20 // bytes of one file
)

func (s *supervisor) isDetached() bool { return s.Detached && s.dir != nil }

// openLog gives the container a pipe for its two outputs, and copies what
// comes out of it.
func (s *supervisor) openLog() error {
	log, err := newRotating(s.dir.File(logFile), s.dir.File(oldLogFile), logLimit)
	if err != nil {
		return exitcode.With(exitcode.Harness, err)
	}
	read, write, err := os.Pipe()
	if err != nil {
		log.file.Close()
		return exitcode.With(exitcode.Harness, fmt.Errorf("create pipe: %w", err))
	}
	s.Stdout, s.Stderr = write, write
	done := make(chan struct{})
	go func() {
		defer close(done)
		// After an error go on reading: a full pipe would stop the container.
		if _, err := io.Copy(log, read); err != nil {
			_, _ = io.Copy(io.Discard, read)
		}
	}()
	s.endLog = func() {
		write.Close() // the container's own copies are gone: it is over
		<-done
		read.Close()
		log.file.Close()
	}
	return nil
}

func (s *supervisor) closeLog() error {
	if s.endLog != nil {
		s.endLog()
	}
	return nil
}

// rotating is a file that is put aside when it is full.
type rotating struct {
	path, old string
	limit     int64
	size      int64
	file      *os.File
}

func newRotating(path, old string, limit int64) (*rotating, error) {
	r := &rotating{path: path, old: old, limit: limit}
	return r, r.open()
}

func (r *rotating) open() (err error) {
	r.size = 0
	r.file, err = os.OpenFile(r.path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("create log: %w", err)
	}
	return nil
}

// Write never splits what it is given between two files.
func (r *rotating) Write(data []byte) (int, error) {
	if r.size > 0 && r.size+int64(len(data)) > r.limit {
		r.file.Close()
		if err := os.Rename(r.path, r.old); err != nil {
			return 0, fmt.Errorf("put log aside: %w", err)
		}
		if err := r.open(); err != nil {
			return 0, err
		}
	}
	n, err := r.file.Write(data)
	r.size += int64(n)
	return n, err
}

// Logs copies what is kept of a container's output to w. With follow it goes
// on until the container has ended.
func Logs(store *state.Store, id string, follow bool, w io.Writer) error {
	e, err := store.Get(id)
	if errors.Is(err, state.ErrNotFound) {
		return exitcode.With(exitcode.Usage, err)
	}
	if err != nil {
		return err
	}
	if !e.Detached {
		return exitcode.With(exitcode.Usage, fmt.Errorf("container %s was not detached: its output went to whoever started it", id))
	}
	if err := copyFile(w, e.File(oldLogFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read log: %w", err)
	}
	if !follow {
		err = copyFile(w, e.File(logFile))
	} else {
		err = followFile(w, e.File(logFile), func() bool { now, err := store.Get(id); return err == nil && now.Alive })
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read log: %w", err)
	}
	return nil
}

func copyFile(w io.Writer, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(w, f)
	return err
}

// followFile reads on where it was, and in the next file when that one has
// been put aside. Alive is asked before the last read, so nothing is missed.
func followFile(w io.Writer, path string, alive func() bool) error {
	const pause = 50 * time.Millisecond
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { f.Close() }()
	for {
		last := !alive()
		aside := isAside(f, path)
		if _, err := io.Copy(w, f); err != nil {
			return err
		}
		switch {
		case aside:
			f.Close()
			if f, err = os.Open(path); err != nil {
				return err
			}
		case last:
			return nil
		default:
			time.Sleep(pause)
		}
	}
}

// isAside reports whether a file is no longer the one at path.
func isAside(f *os.File, path string) bool {
	have, err := f.Stat()
	if err != nil {
		return false
	}
	there, err := os.Stat(path)
	return err == nil && !os.SameFile(have, there)
}
