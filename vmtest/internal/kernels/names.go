package kernels

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// nameRecord is the file of a name in <cache>/names: which entry it means.
type nameRecord struct {
	ID   string `json:"id"`
	Spec string `json:"spec"` // what was added under the name
}

func (s *store) nameDir() string { return filepath.Join(filepath.Dir(s.dir), "names") }

// Add gets a kernel and gives it a name that Fetch then takes. A name that is
// taken already means the new kernel from then on.
func (s *Sources) Add(ctx context.Context, text, name string) (Kernel, error) {
	if err := CheckName(name); err != nil {
		return Kernel{}, err
	}
	k, err := s.Fetch(ctx, text)
	if err != nil {
		return Kernel{}, err
	}
	data, err := json.Marshal(nameRecord{ID: k.ID, Spec: text})
	if err != nil {
		return Kernel{}, fmt.Errorf("name kernel: %w", err)
	}
	if err := os.MkdirAll(s.store.nameDir(), 0o755); err != nil {
		return Kernel{}, cacheFault(s.store.dir, 0, err)
	}
	if err := writeFile(filepath.Join(s.store.nameDir(), name), append(data, '\n'), 0o644); err != nil {
		return Kernel{}, cacheFault(s.store.dir, 0, err)
	}
	k.Series = name
	return k, nil
}

// Forget takes a name away. The kernel stays until Collect removes it.
func (s *Sources) Forget(name string) error {
	if err := CheckName(name); err != nil {
		return err
	}
	err := os.Remove(filepath.Join(s.store.nameDir(), name))
	if errors.Is(err, os.ErrNotExist) {
		return noSuchName(name)
	}
	return err
}

// CheckName says whether a name can be given: one that no other spec reads as.
func CheckName(name string) error {
	spec, err := ParseSpec(name)
	if err != nil || spec.Kind != KindName {
		return fmt.Errorf("name kernel: %q is no name (a letter, then letters, digits and ._+-; not host)", name)
	}
	return nil
}

// HasName says whether a cache knows the name.
func (s *Sources) HasName(name string) bool {
	_, err := os.Stat(filepath.Join(s.store.nameDir(), name))
	return nameForm.MatchString(name) && err == nil
}

// named returns the kernel of a name.
func (s *store) named(name string) (Kernel, error) {
	record, err := s.readName(name)
	if errors.Is(err, os.ErrNotExist) {
		return Kernel{}, noSuchName(name)
	}
	if err != nil {
		return Kernel{}, err
	}
	k, ok := openEntry(filepath.Join(s.dir, record.ID))
	if !ok {
		return Kernel{}, fmt.Errorf("kernel %s: its files in the cache are gone or damaged; add it again: vmtest kernels add %s --name %s",
			name, record.Spec, name)
	}
	return k, nil
}

func (s *store) readName(name string) (nameRecord, error) {
	var record nameRecord
	data, err := os.ReadFile(filepath.Join(s.nameDir(), name))
	if err != nil {
		return record, err
	}
	if err := json.Unmarshal(data, &record); err != nil || record.ID != filepath.Base(record.ID) {
		return record, fmt.Errorf("read name %s: broken record", name)
	}
	return record, nil
}

// names returns each name with the entry it means.
func (s *store) names() map[string]string {
	names := map[string]string{}
	files, _ := os.ReadDir(s.nameDir())
	for _, f := range files {
		if record, err := s.readName(f.Name()); err == nil && nameForm.MatchString(f.Name()) {
			names[f.Name()] = record.ID
		}
	}
	return names
}

func noSuchName(name string) error {
	return fmt.Errorf("find kernel: %q is no series like 6.12 and no name that was added (vmtest kernels list shows them; a file is ./%s)", name, name)
}
