package kmod

import (
	"fmt"
	"slices"
	"strings"
)

// Order returns the modules to load for names, each after what it depends on
// and each once. What is built in is left out, so the result may be empty.
// A name or hard dependency that the kernel has in neither form is an error;
// a soft dependency it lacks is skipped, as modprobe(8) does.
//
// Unlike modprobe(8) it does not look names up in modules.alias, so a soft
// dependency on an alias (crc32c for crc32c_intel) is skipped too.
func (x *Index) Order(names ...string) ([]string, error) {
	w := walk{index: x, done: map[string]bool{}}
	for _, name := range names {
		if err := w.visit(Normalise(name)); err != nil {
			return nil, err
		}
	}
	return w.order, nil
}

// walk is one depth-first visit of the dependency graph.
type walk struct {
	index *Index
	done  map[string]bool
	path  []string // names being visited, to see a cycle
	order []string
}

// visit appends name to the order after everything it needs.
func (w *walk) visit(name string) error {
	if w.done[name] || w.index.isBuiltin(name) {
		return nil
	}
	if slices.Contains(w.path, name) {
		return fmt.Errorf("kernel %s: modules depend on each other: %s > %s",
			w.index.release, strings.Join(w.path, " > "), name)
	}
	w.path = append(w.path, name)
	if err := w.visitNeeds(name); err != nil {
		return err
	}
	w.path = w.path[:len(w.path)-1]
	w.done[name] = true
	w.order = append(w.order, name)
	return nil
}

// visitNeeds visits what name depends on, soft dependencies first.
func (w *walk) visitNeeds(name string) error {
	data, err := w.index.Read(name)
	if err != nil {
		return err
	}
	info, err := ReadInfo(data)
	if err != nil {
		return fmt.Errorf("read module %s of kernel %s: %w", name, w.index.release, err)
	}
	for _, soft := range info.SoftPre {
		// A soft dependency that leads back here is no need at all.
		if !w.index.Has(soft) || slices.Contains(w.path, soft) {
			continue
		}
		if err := w.visit(soft); err != nil {
			return err
		}
	}
	for _, hard := range info.Depends {
		if err := w.visit(hard); err != nil {
			return fmt.Errorf("module %s: %w", name, err)
		}
	}
	return nil
}
