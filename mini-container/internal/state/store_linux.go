package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

const (
	recordFile = "state.json"
	lockName   = "lock"
	rootLock   = ".lock"
)

// Store is a root directory with the containers of one user.
type Store struct{ dir string }

// Open makes the root directory if it is not there. One that somebody else
// could have filled is refused: what lies in it says whom to kill.
func Open(dir string) (*Store, error) {
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("create state directory: %w", err)
	}
	if err := checkOwned(dir); err != nil {
		return nil, err
	}
	return &Store{dir: dir}, nil
}

// Dir is the root directory.
func (s *Store) Dir() string { return s.dir }

// Lock takes a lock of the whole store, for what its containers share, until
// the returned function is called.
func (s *Store) Lock(name string) (unlock func(), err error) {
	f, err := lockNew(filepath.Join(s.dir, "."+name+".lock"))
	if err != nil {
		return nil, err
	}
	return func() { f.Close() }, nil
}

func (s *Store) lockRoot() (unlock func(), err error) {
	f, err := lockNew(filepath.Join(s.dir, rootLock))
	if err != nil {
		return nil, fmt.Errorf("lock state directory: %w", err)
	}
	return func() { f.Close() }, nil
}

// Dir is the directory of one container whose lock we hold.
type Dir struct {
	path string
	lock *os.File
}

// Create makes a container's directory and holds its lock until Close, or
// until this process dies.
func (s *Store) Create(r *Record) (*Dir, error) {
	if err := CheckID(r.ID); err != nil {
		return nil, err
	}
	unlock, err := s.lockRoot()
	if err != nil {
		return nil, err
	}
	defer unlock()
	d := &Dir{path: filepath.Join(s.dir, r.ID)}
	if err := os.Mkdir(d.path, 0o700); errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("create container %s: %w", r.ID, ErrExists)
	} else if err != nil {
		return nil, fmt.Errorf("create container %s: %w", r.ID, err)
	}
	d.lock, err = lockNew(filepath.Join(d.path, lockName))
	if err == nil {
		err = d.Write(r)
	}
	if err != nil {
		return nil, errors.Join(err, d.Remove())
	}
	return d, nil
}

// Write replaces the record.
func (d *Dir) Write(r *Record) error {
	r.Schema = Schema
	data, err := encode(r)
	if err != nil {
		return err
	}
	if err := writeAtomic(d.File(recordFile), data); err != nil {
		return fmt.Errorf("write state: %w", err)
	}
	return nil
}

// File is the path of a file in the directory.
func (d *Dir) File(name string) string { return filepath.Join(d.path, name) }

// Close lets go of the lock and leaves the directory.
func (d *Dir) Close() {
	if d.lock != nil {
		d.lock.Close()
	}
}

// Remove removes the directory, then lets go of the lock. The record goes
// before the lock does: where there is no lock there is no container.
func (d *Dir) Remove() error {
	defer d.Close()
	err := os.Remove(d.File(recordFile))
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		err = os.RemoveAll(d.path)
	}
	if err != nil {
		return fmt.Errorf("remove state: %w", err)
	}
	return nil
}
