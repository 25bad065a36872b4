package main

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
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
)

// runInKernel loads a module of this very kernel whose first function was
// replaced: no compiler, no headers, and what the kernel checks is right.
func runInKernel(code []byte) error {
	module, err := readModule("dummy")
	if err != nil {
		return err
	}
	if module, err = replaceInit(unsigned(module), code); err != nil {
		return err
	}
	// An oops ends the thread that it happens to; this process goes on.
	go func() {
		time.Sleep(3 * time.Second)
		os.Exit(3)
	}()
	return unix.InitModule(module, "")
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

// replaceInit puts code where the module's init function begins.
func replaceInit(module, code []byte) ([]byte, error) {
	file, err := elf.NewFile(bytes.NewReader(module))
	if err != nil {
		return nil, err
	}
	symbols, err := file.Symbols()
	if err != nil {
		return nil, err
	}
	for _, s := range symbols {
		if s.Name == "init_module" && int(s.Section) < len(file.Sections) {
			begin := s.Value + prologue(module[file.Sections[s.Section].Offset+s.Value:])
			if s.Value+s.Size < begin+uint64(len(code)) {
				return nil, errors.New("init function is too small")
			}
			copy(module[file.Sections[s.Section].Offset+begin:], code)
			cancelRelocations(file, module, uint32(s.Section), begin, begin+uint64(len(code)))
			return module, nil
		}
	}
	return nil, errors.New("module has no init function")
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

// cancelRelocations keeps the loader from writing into a part of a section.
func cancelRelocations(file *elf.File, module []byte, section uint32, begin, end uint64) {
	const entry = 24 // offset, info and addend, 8 bytes each
	for _, s := range file.Sections {
		if s.Type != elf.SHT_RELA || s.Info != section { //nolint:misspell // the standard's name
			continue
		}
		for at := s.Offset; at+entry <= s.Offset+s.Size; at += entry {
			// A relocation of 4 bytes may begin before.
			if where := binary.LittleEndian.Uint64(module[at:]); where+4 > begin && where < end {
				binary.LittleEndian.PutUint32(module[at+8:], uint32(elf.R_X86_64_NONE))
			}
		}
	}
}
