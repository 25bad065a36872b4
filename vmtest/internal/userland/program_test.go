package userland_test

import (
	"context"
	"debug/elf"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/vmtest/internal/image"
	"namespaces-cgroups-ebpf/vmtest/internal/userland"
)

// files maps guest paths to files of the host.
type files map[string]string

func (f files) Exists(_ context.Context, path string) (bool, error) {
	_, there := f[path]
	return there, nil
}

func (f files) Read(_ context.Context, path string) ([]byte, error) {
	if name, there := f[path]; there {
		return os.ReadFile(name)
	}
	return nil, os.ErrNotExist
}

// program writes an ELF file that is all header: with a loader unless that is "".
func program(t *testing.T, machine elf.Machine, kind elf.Type, loader string) string {
	t.Helper()
	header := elf.Header64{
		Ident: [elf.EI_NIDENT]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)},
		Type:  uint16(kind), Machine: uint16(machine), Version: uint32(elf.EV_CURRENT),
		Phoff: 64, Ehsize: 64, Phentsize: 56,
	}
	path := filepath.Join(t.TempDir(), "program")
	f, err := os.Create(path)
	require.NoError(t, err)
	defer f.Close()
	if loader != "" {
		header.Phnum = 1
	}
	require.NoError(t, binary.Write(f, binary.LittleEndian, header))
	if loader != "" {
		size := uint64(len(loader) + 1)
		require.NoError(t, binary.Write(f, binary.LittleEndian, elf.Prog64{Type: uint32(elf.PT_INTERP), Off: 120, Filesz: size, Memsz: size}))
		_, err = f.WriteString(loader + "\x00")
		require.NoError(t, err)
	}
	return path
}

func text(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(path, []byte(content), 0o755))
	return path
}

const loader = "/lib64/ld-linux-x86-64.so.2"

func TestCheck(t *testing.T) {
	guest := userland.Guest{Disk: files{"/bin/sh": "", loader: ""}}
	tests := []struct {
		name, file, want string
	}{
		{"static", program(t, elf.EM_X86_64, elf.ET_EXEC, ""), ""},
		{"static 32 bit", program(t, elf.EM_386, elf.ET_EXEC, ""), ""},
		{"known loader", program(t, elf.EM_X86_64, elf.ET_DYN, loader), ""},
		{"unknown loader", program(t, elf.EM_X86_64, elf.ET_DYN, "/lib/ld-musl-x86_64.so.1"), "for the loader /lib/ld-musl-x86_64.so.1, which the guest does not have"},
		{"other machine", program(t, elf.EM_AARCH64, elf.ET_DYN, loader), "built for aarch64, the guest is x86-64"},
		{"object file", program(t, elf.EM_X86_64, elf.ET_REL, ""), "no program"},
		{"script", text(t, "#!/bin/sh -e\ntrue\n"), ""},
		{"script of another", text(t, "#! /usr/bin/python3\n"), "a script for /usr/bin/python3, which the guest does not have"},
		{"script of nobody", text(t, "#!\n"), "names no interpreter"},
		{"text", text(t, "hello"), "neither a program for Linux"},
		{"empty", text(t, ""), "neither a program for Linux"},
		{"damaged", text(t, "\x7fELF"), "read program"},
		{"nothing", "/nonexistent/x", "no such file"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := guest.Check(t.Context(), tt.file)
			if tt.want == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, tt.want)
			}
		})
	}
	guest.Added = func(path string) bool { return path == "/usr/bin/python3" }
	require.NoError(t, guest.Check(t.Context(), text(t, "#!/usr/bin/python3\n")), "a mount brings it")
}

func TestDisk(t *testing.T) {
	tree := t.TempDir()
	require.NoError(t, os.MkdirAll(tree+"/usr/lib", 0o755))
	require.NoError(t, os.Symlink("usr/lib", tree+"/lib"))
	require.NoError(t, os.Symlink("gone", tree+"/usr/lib/link"))
	require.NoError(t, os.WriteFile(tree+"/usr/lib/a b", []byte("content\x00\n"), 0o644))
	path := filepath.Join(t.TempDir(), "disk")
	require.NoError(t, image.Ext4FromDir(t.Context(), tree, path, 4<<20, "root", image.Owner{}))
	disk := userland.Disk(path)
	for name, want := range map[string]bool{
		"/lib/a b": true, "/usr/lib": true, "/usr/lib/link": true, "/": true,
		"/lib/nothing": false, "/lib/a b/c": false, "relative": false, `/a" "`: false, "/a\nstat /": false,
	} {
		there, err := disk.Exists(t.Context(), name)
		require.NoError(t, err)
		require.Equal(t, want, there, name)
	}
	data, err := disk.Read(t.Context(), "/lib/a b")
	require.NoError(t, err)
	require.Equal(t, "content\x00\n", string(data))
	_, err = disk.Read(t.Context(), "/lib/nothing")
	require.ErrorIs(t, err, os.ErrNotExist)
	_, err = userland.Disk(path+".none").Exists(t.Context(), "/")
	require.ErrorContains(t, err, "look into root disk")
	_, err = userland.Disk(text(t, "no disk")).Exists(t.Context(), "/")
	require.ErrorContains(t, err, "look into root disk")
}
