package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// Entry is one container as it is found.
type Entry struct {
	Record
	Alive bool // its supervisor lives
	store *Store
}

// File is the path of a file in the container's directory.
func (e *Entry) File(name string) string { return filepath.Join(e.store.dir, e.ID, name) }

// Get finds one container.
func (s *Store) Get(id string) (*Entry, error) {
	if err := CheckID(id); err != nil {
		return nil, err
	}
	unlock, err := s.lockRoot()
	if err != nil {
		return nil, err
	}
	defer unlock()
	return s.look(id)
}

// List finds all containers, by name. What cannot be read is in the error, and
// keeps nobody from seeing the others.
func (s *Store) List() ([]*Entry, error) {
	unlock, err := s.lockRoot()
	if err != nil {
		return nil, err
	}
	defer unlock()
	var all []*Entry
	var faults []error
	for _, id := range s.names() {
		entry, err := s.look(id)
		if err == nil {
			all = append(all, entry)
		} else if !errors.Is(err, ErrNotFound) {
			faults = append(faults, err)
		}
	}
	return all, errors.Join(faults...)
}

// names lists the directories that can be a container's. Our own files begin
// with a dot, which no id does.
func (s *Store) names() []string {
	entries, _ := os.ReadDir(s.dir)
	var names []string
	for _, e := range entries {
		if e.IsDir() && CheckID(e.Name()) == nil {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	return names
}

// look reads a record. Whether the supervisor lives is not in it: the lock
// tells.
func (s *Store) look(id string) (*Entry, error) {
	data, err := os.ReadFile(filepath.Join(s.dir, id, recordFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("find container %s: %w", id, ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("find container %s: %w", id, err)
	}
	r, err := decode(data)
	if err != nil {
		return nil, fmt.Errorf("find container %s: %w", id, err)
	}
	d, err := s.claim(id)
	if err != nil {
		return nil, err
	}
	if d != nil {
		d.Close()
	}
	e := &Entry{Record: *r, Alive: d == nil, store: s}
	if !e.Alive && e.Status != Stopped {
		e.Status = Lost
	}
	return e, nil
}

// claim takes a container's lock. It returns nil if the supervisor has it.
// The caller holds the lock of the root, so nobody makes a new directory of
// that name meanwhile.
func (s *Store) claim(id string) (*Dir, error) {
	d := &Dir{path: filepath.Join(s.dir, id)}
	lock, free, err := lockFile(d.File(lockName), 0, false)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("find container %s: %w", id, ErrNotFound)
	}
	if err != nil || !free {
		return nil, err
	}
	d.lock = lock
	if !d.current() {
		d.Close()
		return nil, fmt.Errorf("find container %s: %w", id, ErrNotFound)
	}
	return d, nil
}

// current reports whether the lock we hold is the one in the directory: the
// one that we opened may have been removed by its owner before it was free.
func (d *Dir) current() bool {
	held, err := d.lock.Stat()
	if err != nil {
		return false
	}
	there, err := os.Stat(d.File(lockName))
	return err == nil && os.SameFile(held, there)
}
