package main

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/ulikunitz/xz"
	"golang.org/x/sys/unix"
)

// What runs in the kernel, as x86-64 instructions.
var (
	// xor eax,eax; mov byte [rax],0; xor eax,eax; ret
	nullDereference = []byte{0x31, 0xc0, 0xc6, 0x00, 0x00, 0x31, 0xc0, 0xc3}
	// push 0; push 0; lidt [rsp]; int3: without an interrupt table a trap is a
	// fault, and so is that, and the third one resets the CPU.
	tripleFault = []byte{0x6a, 0x00, 0x6a, 0x00, 0x0f, 0x01, 0x1c, 0x24, 0xcc, 0xeb, 0xfe}
	// ud2; xor eax,eax; ret: what WARN_ON() and BUG() are made of. Which of the
	// two it is, the module's table of them says.
	complaint = []byte{0x0f, 0x0b, 0x31, 0xc0, 0xc3}
)

// runInKernel loads a module of this very kernel whose first function was
// replaced: no compiler, no headers, and what the kernel checks is right.
func runInKernel(code []byte) error {
	module, err := prepare("dummy", code)
	if err != nil {
		return err
	}
	return module.load()
}

// load has the kernel run the module's first function. An oops ends the thread
// that it happens to; this process goes on.
func (m *module) load() error {
	go func() {
		time.Sleep(3 * time.Second)
		os.Exit(3)
	}()
	return unix.InitModule(m.data, "")
}

// prepare reads a module and makes its init function something else.
func prepare(name string, code []byte) (*module, error) {
	data, err := readModule(name)
	if err != nil {
		return nil, err
	}
	m, err := parseModule(unsigned(data))
	if err != nil {
		return nil, err
	}
	return m, m.replaceInit(code)
}

func readModule(name string) ([]byte, error) {
	var uname unix.Utsname
	if err := unix.Uname(&uname); err != nil {
		return nil, err
	}
	dir := filepath.Join("/lib/modules", unix.ByteSliceToString(uname.Release[:]), "kernel/drivers/net")
	found, _ := filepath.Glob(filepath.Join(dir, name+".ko*"))
	if len(found) != 1 {
		return nil, fmt.Errorf("find module %s: %d in %s", name, len(found), dir)
	}
	data, err := os.ReadFile(found[0])
	if err != nil || !strings.HasSuffix(found[0], ".xz") {
		return data, err
	}
	r, err := xz.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

// unsigned cuts the signature off (linux/module_signature.h): no signature only
// taints the kernel, while a wrong one is refused.
func unsigned(module []byte) []byte {
	const trailer = 12
	rest, signed := bytes.CutSuffix(module, []byte("~Module signature appended~\n"))
	if !signed || len(rest) < trailer {
		return module
	}
	size := int(binary.BigEndian.Uint32(rest[len(rest)-4:]))
	return rest[:max(0, len(rest)-trailer-size)]
}

// module is a module's file, and where its init function begins.
type module struct {
	data  []byte
	file  *elf.File
	init  elf.Symbol
	begin uint64 // of what may be replaced, in the section
}

func parseModule(data []byte) (*module, error) {
	file, err := elf.NewFile(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	symbols, err := file.Symbols()
	if err != nil {
		return nil, err
	}
	for _, s := range symbols {
		if s.Name == "init_module" && int(s.Section) < len(file.Sections) {
			head := data[file.Sections[s.Section].Offset+s.Value:]
			return &module{data, file, s, s.Value + prologue(head)}, nil
		}
	}
	return nil, errors.New("module has no init function")
}

// replaceInit puts code where the module's init function begins.
func (m *module) replaceInit(code []byte) error {
	end := m.begin + uint64(len(code))
	if m.init.Value+m.init.Size < end {
		return errors.New("init function is too small")
	}
	copy(m.data[m.file.Sections[m.init.Section].Offset+m.begin:], code)
	for at := range m.relocations(int(m.init.Section)) {
		// A relocation of 4 bytes may begin before.
		if where := m.word(at); where+4 > m.begin && where < end {
			m.data[at+8] = byte(elf.R_X86_64_NONE)
		}
	}
	return nil
}

// prologue is what the kernel itself rewrites at the head of a function: endbr64
// and the call that ftrace uses.
func prologue(code []byte) uint64 {
	n := uint64(0)
	if bytes.HasPrefix(code, []byte{0xf3, 0x0f, 0x1e, 0xfa}) {
		n = 4
	}
	if rest := code[n:]; rest[0] == 0xe8 || bytes.HasPrefix(rest, []byte{0x0f, 0x1f, 0x44, 0x00, 0x00}) {
		n += 5
	}
	return n
}

// relocations yields where in the file those of a section are: offset, info
// and addend, 8 bytes each.
func (m *module) relocations(section int) iter.Seq[uint64] {
	return func(yield func(uint64) bool) {
		for _, s := range m.file.Sections {
			if s.Type != elf.SHT_RELA || int(s.Info) != section { //nolint:misspell // the standard's name
				continue
			}
			for at := s.Offset; at+24 <= s.Offset+s.Size; at += 24 {
				if !yield(at) {
					return
				}
			}
		}
	}
}

func (m *module) word(at uint64) uint64 { return binary.LittleEndian.Uint64(m.data[at:]) }
