package userland

import (
	"bytes"
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
)

// libraryDirs are where Debian's loader looks (ld.so(8), /etc/ld.so.conf.d).
var libraryDirs = []string{
	"/usr/local/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/usr/local/lib", "/usr/lib", "/usr/lib64",
}

// libcPath is the library whose version decides most often.
const libcPath = "/usr/lib/x86_64-linux-gnu/libc.so.6"

// Guest is what a program will find there.
type Guest struct {
	// Disk is the root disk.
	Disk Files
	// Added tells what mounts put there besides; nil is nothing.
	Added func(path string) bool
	// LibraryPath is true when LD_LIBRARY_PATH is set: libraries may then be
	// anywhere.
	LibraryPath bool
}

// Check returns an error that says why the program in the host's file cannot
// run in the guest, or nil if nothing speaks against it.
func (g Guest) Check(ctx context.Context, file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	head := make([]byte, 4096)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read %s: %w", file, err)
	}
	if head = head[:n]; bytes.HasPrefix(head, []byte("#!")) {
		return g.checkScript(ctx, head)
	}
	if !bytes.HasPrefix(head, []byte(elf.ELFMAG)) {
		return errors.New("neither a program for Linux (ELF) nor a script (#!)")
	}
	program, err := elf.NewFile(f)
	if err != nil {
		return fmt.Errorf("read program: %w", err)
	}
	return g.checkELF(ctx, program)
}

func (g Guest) checkScript(ctx context.Context, head []byte) error {
	line, _, _ := bytes.Cut(head[2:], []byte("\n"))
	words := strings.Fields(string(line))
	if len(words) == 0 {
		return errors.New("a script whose #! names no interpreter")
	}
	there, err := g.has(ctx, words[0])
	if err == nil && !there {
		err = fmt.Errorf("a script for %s, which the guest does not have", words[0])
	}
	return err
}

func (g Guest) has(ctx context.Context, path string) (bool, error) {
	if g.Added != nil && g.Added(path) {
		return true, nil
	}
	return g.Disk.Exists(ctx, path)
}

func (g Guest) checkELF(ctx context.Context, program *elf.File) error {
	if program.Machine != elf.EM_X86_64 && program.Machine != elf.EM_386 {
		return fmt.Errorf("built for %s, the guest is x86-64", machineName(program.Machine))
	}
	if program.Type != elf.ET_EXEC && program.Type != elf.ET_DYN {
		return errors.New("an ELF file, but no program")
	}
	loader := interpreter(program)
	if loader == "" {
		return nil // static
	}
	there, err := g.has(ctx, loader)
	if err != nil {
		return err
	}
	if !there {
		return fmt.Errorf("linked dynamically for the loader %s, which the guest does not have (link it statically)", loader)
	}
	if g.LibraryPath || hasRunPath(program) {
		return nil // who can tell
	}
	if err := g.checkLibraries(ctx, program); err != nil {
		return err
	}
	return g.checkLibc(ctx, program)
}

func (g Guest) checkLibraries(ctx context.Context, program *elf.File) error {
	needed, err := program.ImportedLibraries()
	if err != nil {
		return fmt.Errorf("read program: %w", err)
	}
	for _, name := range needed {
		there, err := g.hasLibrary(ctx, name)
		if err != nil {
			return err
		}
		if !there {
			return fmt.Errorf("needs the library %s, which the guest does not have (link it statically, or --mount it and set LD_LIBRARY_PATH)", name)
		}
	}
	return nil
}

func (g Guest) hasLibrary(ctx context.Context, name string) (bool, error) {
	if path.IsAbs(name) {
		return g.has(ctx, name)
	}
	for _, dir := range libraryDirs {
		if there, err := g.has(ctx, path.Join(dir, name)); there || err != nil {
			return there, err
		}
	}
	return false, nil
}

// checkLibc compares the versions of libc's symbols that the program wants with
// those that the guest's libc defines.
func (g Guest) checkLibc(ctx context.Context, program *elf.File) error {
	wanted := libcVersions(program)
	if len(wanted) == 0 {
		return nil
	}
	data, err := g.Disk.Read(ctx, libcPath)
	if errors.Is(err, os.ErrNotExist) {
		return nil // a mount has brought another one
	}
	if err != nil {
		return err
	}
	libc, err := elf.NewFile(bytes.NewReader(data))
	if err != nil {
		return fmt.Errorf("read guest's libc: %w", err)
	}
	versions, err := libc.DynamicVersions()
	if err != nil {
		return fmt.Errorf("read guest's libc: %w", err)
	}
	for _, want := range wanted {
		if !slices.ContainsFunc(versions, func(v elf.DynamicVersion) bool { return v.Name == want }) {
			return fmt.Errorf("built against a newer C library: it needs %s, which the guest's Debian 13 does not have (link it statically, or build it on Debian 13 or older)", want)
		}
	}
	return nil
}

func libcVersions(program *elf.File) []string {
	needs, err := program.DynamicVersionNeeds()
	if err != nil {
		return nil // none recorded
	}
	var names []string
	for _, need := range needs {
		if need.Name != path.Base(libcPath) {
			continue
		}
		for _, dep := range need.Needs {
			names = append(names, dep.Dep)
		}
	}
	return names
}

// interpreter is the loader's path (PT_INTERP), "" for a static program.
func interpreter(program *elf.File) string {
	for _, p := range program.Progs {
		if p.Type != elf.PT_INTERP {
			continue
		}
		data, err := io.ReadAll(io.LimitReader(p.Open(), 4096))
		if err != nil {
			return ""
		}
		return strings.TrimRight(string(data), "\x00")
	}
	return ""
}

func hasRunPath(program *elf.File) bool {
	for _, tag := range []elf.DynTag{elf.DT_RUNPATH, elf.DT_RPATH} {
		if paths, err := program.DynString(tag); err == nil && len(paths) > 0 {
			return true
		}
	}
	return false
}

func machineName(m elf.Machine) string {
	return strings.ToLower(strings.TrimPrefix(m.String(), "EM_"))
}
