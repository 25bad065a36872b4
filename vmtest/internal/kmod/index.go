package kmod

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Index knows the modules of one kernel. It is safe to read from several
// goroutines only after Load returned, and Order and Read do not change it.
type Index struct {
	release string
	files   map[string]string // normalised name -> path
	builtin map[string]bool   // normalised names of what is built in
	lacking map[string]bool   // normalised names of what is in the kernel in no form
	unsure  bool              // whether a name that is nowhere may be built in
}

// Load reads the module tree of one kernel. The directory is
// .../lib/modules/<release> and its last element is taken as the release.
// What is built in is read from modules.builtin. Where that is missing, as in
// trees that only hold out-of-tree modules, the kernel's .config answers for
// the drivers a VM needs; config is its path, "" if there is none. Whatever is
// then still not known counts as built in, see Unsure.
func Load(modulesDir, config string) (*Index, error) {
	x := &Index{release: filepath.Base(modulesDir), files: map[string]string{}}
	var err error
	x.builtin, err = readBuiltin(filepath.Join(modulesDir, "modules.builtin"))
	if errors.Is(err, fs.ErrNotExist) {
		x.unsure = true
		x.builtin, x.lacking, err = readConfig(config)
	}
	if err != nil {
		return nil, fmt.Errorf("load modules of kernel %s: %w", x.release, err)
	}
	err = filepath.WalkDir(modulesDir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		if stem, _, ok := cutSuffix(d.Name()); ok {
			x.files[Normalise(stem)] = path
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("load modules of kernel %s: %w", x.release, err)
	}
	return x, nil
}

// readBuiltin reads modules.builtin: one module path per line.
func readBuiltin(path string) (map[string]bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	builtin := map[string]bool{}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if lines.Text() != "" {
			builtin[Normalise(lines.Text())] = true
		}
	}
	return builtin, lines.Err()
}

// Has says whether the kernel has name, built in or as a module, as far as is
// known.
func (x *Index) Has(name string) bool {
	name = Normalise(name)
	return x.files[name] != "" || x.isBuiltin(name)
}

// isBuiltin says whether a normalised name is built in, or may be.
func (x *Index) isBuiltin(name string) bool {
	return x.builtin[name] || x.unsure && x.files[name] == "" && !x.lacking[name]
}

// Unsure returns those of the names that count as built in only because
// nothing says what they are.
func (x *Index) Unsure(names ...string) []string {
	var unsure []string
	for _, name := range names {
		if n := Normalise(name); x.isBuiltin(n) && !x.builtin[n] {
			unsure = append(unsure, name)
		}
	}
	return unsure
}

// Missing returns those of the names that the kernel has in neither form.
func (x *Index) Missing(names ...string) []string {
	var missing []string
	for _, name := range names {
		if !x.Has(name) {
			missing = append(missing, name)
		}
	}
	return missing
}

// Read returns a module's decompressed bytes. It fails for what is built in,
// absent or larger than 256 MiB.
func (x *Index) Read(name string) ([]byte, error) {
	path, ok := x.files[Normalise(name)]
	if !ok {
		return nil, x.absent(name)
	}
	return readModule(path, maxModuleBytes)
}

// absent is the error for a name that has no module file.
func (x *Index) absent(name string) error {
	if x.isBuiltin(Normalise(name)) {
		return fmt.Errorf("kernel %s has %s built in, not as a module", x.release, name)
	}
	return fmt.Errorf("kernel %s has neither built-in nor module %s", x.release, name)
}
