package kmod_test

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// object returns a relocatable ELF with the one section a module needs here.
func object(modinfo ...string) []byte {
	info := []byte(strings.Join(modinfo, "\x00") + "\x00")
	strtab := []byte("\x00.modinfo\x00.shstrtab\x00")
	const header, entry = 64, 64
	infoOff := uint64(header)
	strOff := infoOff + uint64(len(info))
	shOff := strOff + uint64(len(strtab))
	h := elf.Header64{
		Type: uint16(elf.ET_REL), Machine: uint16(elf.EM_X86_64), Version: 1,
		Shoff: shOff, Ehsize: header, Shentsize: entry, Shnum: 3, Shstrndx: 2,
	}
	copy(h.Ident[:], elf.ELFMAG)
	h.Ident[elf.EI_CLASS] = byte(elf.ELFCLASS64)
	h.Ident[elf.EI_DATA] = byte(elf.ELFDATA2LSB)
	h.Ident[elf.EI_VERSION] = 1
	var b bytes.Buffer
	sections := []elf.Section64{
		{},
		{Name: 1, Type: uint32(elf.SHT_PROGBITS), Off: infoOff, Size: uint64(len(info))},
		{Name: 10, Type: uint32(elf.SHT_STRTAB), Off: strOff, Size: uint64(len(strtab))},
	}
	_ = binary.Write(&b, binary.LittleEndian, h)
	b.Write(info)
	b.Write(strtab)
	_ = binary.Write(&b, binary.LittleEndian, sections)
	return b.Bytes()
}

// tree writes a module tree of kernel 5.10.0-1-test and returns its path.
func tree(t *testing.T, builtin string, modules map[string][]byte) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "lib", "modules", "5.10.0-1-test")
	require.NoError(t, os.MkdirAll(dir, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "modules.builtin"), []byte(builtin), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "modules.order"), nil, 0o644))
	for file, data := range modules {
		path := filepath.Join(dir, "kernel", file)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, data, 0o644))
	}
	return dir
}
