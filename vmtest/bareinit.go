package vmtest

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
)

// bareInit is a static x86-64 executable that writes bareGreeting to standard
// output and waits for ever. It is put together here since neither a C compiler
// nor Go makes one that starts as fast: Go's runtime alone takes a tenth of a
// second under emulation.
func bareInit() []byte {
	const base, headers = 0x400000, 64 + 56
	code := []byte{
		0xbf, 1, 0, 0, 0, // mov edi, 1
		0x48, 0x8d, 0x35, 21, 0, 0, 0, // lea rsi, [rip+21]: behind the code
		0xba, byte(len(bareGreeting)), 0, 0, 0, // mov edx, length
		0xb8, 1, 0, 0, 0, // mov eax, 1: write(2)
		0x0f, 0x05, // syscall
		0xb8, 34, 0, 0, 0, // mov eax, 34: pause(2)
		0x0f, 0x05, // syscall
		0xeb, 0xf7, // jmp to the mov before
	}
	code = append(code, bareGreeting...)
	size := uint64(headers + len(code))
	var out bytes.Buffer
	for _, part := range []any{
		elf.Header64{
			Ident:   [16]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)},
			Type:    uint16(elf.ET_EXEC),
			Machine: uint16(elf.EM_X86_64),
			Version: uint32(elf.EV_CURRENT),
			Entry:   base + headers,
			Phoff:   64, Ehsize: 64, Phentsize: 56, Phnum: 1,
		},
		elf.Prog64{
			Type: uint32(elf.PT_LOAD), Flags: uint32(elf.PF_R | elf.PF_X),
			Vaddr: base, Paddr: base, Filesz: size, Memsz: size, Align: 0x1000,
		},
		code,
	} {
		_ = binary.Write(&out, binary.LittleEndian, part) // cannot fail: all sizes are fixed
	}
	return out.Bytes()
}
