package state

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Sweep finds containers whose supervisor died before it could clean up, lets
// clean remove what each has on the machine, and forgets them. It returns
// their names. If clean fails, the state stays for the next sweep. clean runs
// without the lock of the root, but nobody else gets the same container.
func (s *Store) Sweep(clean func(*Record) error) ([]string, error) {
	lost, err := s.claimLost()
	var names []string
	faults := []error{err}
	for _, c := range lost {
		if err := clean(&c.record); err != nil {
			c.dir.Close()
			faults = append(faults, fmt.Errorf("clean up after container %s: %w", c.record.ID, err))
			continue
		}
		names = append(names, c.record.ID)
		faults = append(faults, c.dir.Remove())
	}
	return names, errors.Join(faults...)
}

type claimed struct {
	dir    *Dir
	record Record
}

func (s *Store) claimLost() ([]claimed, error) {
	unlock, err := s.lockRoot()
	if err != nil {
		return nil, err
	}
	defer unlock()
	var lost []claimed
	var faults []error
	for _, id := range s.names() {
		c, err := s.claimIfLost(id)
		if c != nil {
			lost = append(lost, *c)
		}
		if err != nil {
			faults = append(faults, err)
		}
	}
	return lost, errors.Join(faults...)
}

// claimIfLost returns nil for a container that is alive, gone, or ended as it
// should and kept on purpose.
func (s *Store) claimIfLost(id string) (*claimed, error) {
	d, err := s.claim(id)
	if errors.Is(err, ErrNotFound) {
		// Killed before it had a lock, or being removed this moment.
		return nil, os.RemoveAll(filepath.Join(s.dir, id))
	}
	if err != nil || d == nil {
		return nil, err
	}
	r, err := d.read()
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, d.Remove() // killed before it had done anything
	case err != nil:
		d.Close()
		return nil, fmt.Errorf("read state of container %s: %w", id, err)
	case r.Status == Stopped:
		d.Close()
		return nil, nil
	}
	return &claimed{d, *r}, nil
}

func (d *Dir) read() (*Record, error) {
	data, err := os.ReadFile(d.File(recordFile))
	if err != nil {
		return nil, err
	}
	return decode(data)
}

// Delete forgets a container whose supervisor has ended.
func (s *Store) Delete(id string, clean func(*Record) error) error {
	if err := CheckID(id); err != nil {
		return err
	}
	unlock, err := s.lockRoot()
	if err != nil {
		return err
	}
	d, err := s.claim(id)
	unlock()
	if err != nil {
		return err
	}
	if d == nil {
		return fmt.Errorf("delete container %s: it is running", id)
	}
	r, err := d.read()
	if err == nil {
		err = clean(r)
	}
	if err != nil {
		d.Close()
		return fmt.Errorf("delete container %s: %w", id, err)
	}
	return d.Remove()
}
