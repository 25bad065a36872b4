package initramfs_test

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/cavaliergopher/cpio"
	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/vmtest/internal/initramfs"
)

// executable writes a minimal ELF with one program header of the given kind.
func executable(t *testing.T, kind elf.ProgType, typ elf.Type) string {
	t.Helper()
	h := elf.Header64{
		Type: uint16(typ), Machine: uint16(elf.EM_X86_64), Version: 1,
		Phoff: 64, Ehsize: 64, Phentsize: 56, Phnum: 1, Shentsize: 64,
	}
	copy(h.Ident[:], elf.ELFMAG)
	h.Ident[elf.EI_CLASS] = byte(elf.ELFCLASS64)
	h.Ident[elf.EI_DATA] = byte(elf.ELFDATA2LSB)
	h.Ident[elf.EI_VERSION] = 1
	var b bytes.Buffer
	require.NoError(t, binary.Write(&b, binary.LittleEndian, h))
	require.NoError(t, binary.Write(&b, binary.LittleEndian, elf.Prog64{Type: uint32(kind)}))
	path := filepath.Join(t.TempDir(), "init")
	require.NoError(t, os.WriteFile(path, b.Bytes(), 0o755))
	return path
}

// entry is what the tests look at of an archive's entry.
type entry struct {
	mode cpio.FileMode
	data string
}

// list reads an archive back; order holds the names as they came.
func list(t *testing.T, archive []byte) (entries map[string]entry, order []string) {
	t.Helper()
	entries = map[string]entry{}
	r := cpio.NewReader(bytes.NewReader(archive))
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return entries, order
		}
		require.NoError(t, err)
		data, err := io.ReadAll(r)
		require.NoError(t, err)
		entries[h.Name] = entry{h.Mode, string(data)}
		order = append(order, h.Name)
	}
}

func TestBuild(t *testing.T) {
	spec := initramfs.Spec{
		Init:    executable(t, elf.PT_LOAD, elf.ET_EXEC),
		Modules: []initramfs.Module{{"virtio", []byte("first")}, {"virtio_blk", []byte("2nd")}},
		Files:   []initramfs.File{{"/etc/a/hosts", 0o600, []byte("127.0.0.1")}},
	}
	var one, two bytes.Buffer
	require.NoError(t, initramfs.Build(&one, spec))
	require.NoError(t, os.Chtimes(spec.Init, modified, modified))
	require.NoError(t, initramfs.Build(&two, spec))
	require.Equal(t, one.Bytes(), two.Bytes(), "not deterministic")

	entries, order := list(t, one.Bytes())
	require.Equal(t, []string{
		"dev", "modules", "newroot", "proc", "sys", "dev/console", "dev/null", "init",
		"modules/00-virtio.ko", "modules/01-virtio_blk.ko", "etc", "etc/a", "etc/a/hosts",
	}, order)
	require.Equal(t, entry{cpio.TypeReg | 0o644, "2nd"}, entries["modules/01-virtio_blk.ko"])
	require.Equal(t, entry{cpio.TypeReg | 0o600, "127.0.0.1"}, entries["etc/a/hosts"])
	require.Equal(t, cpio.FileMode(cpio.TypeReg|0o755), entries["init"].mode)
	require.Equal(t, cpio.FileMode(cpio.TypeDir|0o755), entries["proc"].mode)
	require.Equal(t, cpio.FileMode(cpio.TypeChar|0o600), entries["dev/console"].mode)
}

func TestDeviceNumbers(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, initramfs.Build(&b, initramfs.Spec{Init: executable(t, elf.PT_LOAD, elf.ET_EXEC)}))
	for name, rdev := range map[string]string{
		"dev/console": "0000000500000001", "dev/null": "0000000100000003",
	} {
		at := bytes.Index(b.Bytes(), []byte(name+"\x00"))
		require.Greater(t, at, 110)
		header := b.Bytes()[at-110 : at]
		require.Equal(t, "070701", string(header[:6]))
		require.Equal(t, rdev, string(header[78:94]), name)
		require.Zero(t, (at-110)%4, "unaligned entry %s", name)
	}
}

func TestBuildRefuses(t *testing.T) {
	static := executable(t, elf.PT_LOAD, elf.ET_EXEC)
	text := filepath.Join(t.TempDir(), "script")
	require.NoError(t, os.WriteFile(text, []byte("#!/bin/sh\n"), 0o755))
	tests := []struct {
		name string
		spec initramfs.Spec
		err  string
	}{
		{"dynamic init", initramfs.Spec{Init: executable(t, elf.PT_INTERP, elf.ET_DYN)},
			"dynamically linked; build it with CGO_ENABLED=0"},
		{"object file", initramfs.Spec{Init: executable(t, elf.PT_LOAD, elf.ET_REL)}, "not executable"},
		{"script", initramfs.Spec{Init: text}, "not an ELF executable"},
		{"no init", initramfs.Spec{Init: "/nonexistent"}, "read init"},
		{"relative file", initramfs.Spec{Init: static, Files: []initramfs.File{{Path: "etc/x"}}}, "absolute"},
		{"path that climbs", initramfs.Spec{Init: static, Files: []initramfs.File{{Path: "/../x"}}}, "clean"},
		{"second init", initramfs.Spec{Init: static, Files: []initramfs.File{{Path: "/init"}}}, "twice"},
		{"module path", initramfs.Spec{Init: static, Modules: []initramfs.Module{{Name: "../x"}}}, "bad module name"},
		{"too many", initramfs.Spec{Init: static, Modules: make([]initramfs.Module, 101)}, "at most 100"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var b bytes.Buffer
			require.ErrorContains(t, initramfs.Build(&b, tt.spec), tt.err)
			require.Zero(t, b.Len(), "bytes written before the error")
		})
	}
}

// full is a writer that fails after n bytes.
type full struct{ n int }

func (f *full) Write(p []byte) (int, error) {
	if f.n -= len(p); f.n < 0 {
		return 0, errors.New("disk full")
	}
	return len(p), nil
}

func TestBuildReportsWriteErrors(t *testing.T) {
	init := executable(t, elf.PT_LOAD, elf.ET_EXEC)
	for _, n := range []int{0, 200, 600, 700, 900} {
		require.ErrorContains(t, initramfs.Build(&full{n}, initramfs.Spec{Init: init}), "disk full", n)
	}
}
