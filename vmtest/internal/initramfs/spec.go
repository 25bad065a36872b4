package initramfs

import (
	"fmt"
	"path"
	"strings"
)

// Module is one kernel module in the form finit_module(2) takes.
type Module struct {
	Name string // without directory and suffix
	Data []byte // decompressed
}

// File is one more regular file for the guest.
type File struct {
	Path string // absolute in the guest; its directory is made
	Mode uint32 // permission bits
	Data []byte
}

// Spec is everything an initramfs is made of.
type Spec struct {
	Init    string   // host path of a static Linux executable
	Modules []Module // in load order; at most 100
	Files   []File
}

// ModulePath is where the module that is loaded as number i (from 0) lies in
// the guest. Two digits keep a sorted listing in load order.
func ModulePath(i int, name string) string {
	return fmt.Sprintf("/modules/%02d-%s.ko", i, name)
}

// maxModules is what two digits can number.
const maxModules = 100

// check refuses what would make a wrong or ambiguous archive.
func (s Spec) check() error {
	if len(s.Modules) > maxModules {
		return fmt.Errorf("build initramfs: %d modules, at most %d", len(s.Modules), maxModules)
	}
	for _, m := range s.Modules {
		if m.Name == "" || strings.ContainsAny(m.Name, "/\x00") {
			return fmt.Errorf("build initramfs: bad module name %q", m.Name)
		}
	}
	seen := map[string]bool{"/": true, "/init": true, "/dev/console": true, "/dev/null": true}
	for _, f := range s.Files {
		if !path.IsAbs(f.Path) || path.Clean(f.Path) != f.Path || strings.Contains(f.Path, "\x00") {
			return fmt.Errorf("build initramfs: file path %q is not absolute and clean", f.Path)
		}
		if seen[f.Path] {
			return fmt.Errorf("build initramfs: %s is there twice", f.Path)
		}
		seen[f.Path] = true
	}
	return nil
}
