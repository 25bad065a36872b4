package kernels

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
)

// Offsets in a bzImage; see the kernel's Documentation/arch/x86/boot.rst.
const (
	setupSectsAt    = 0x1f1
	bootFlagAt      = 0x1fe
	magicAt         = 0x202
	protocolAt      = 0x206
	kernelVersionAt = 0x20e
	payloadAt       = 0x248 // from protocol 2.08 on
	headerBytes     = 0x268
	sectorBytes     = 512
)

// ErrNoKernel is a file that QEMU would not boot, for errors.Is.
var ErrNoKernel = errors.New("not a kernel for x86-64 (neither a bzImage nor an ELF vmlinux with a PVH entry)")

var releaseForm = regexp.MustCompile(`^[0-9]+\.[0-9]+[0-9A-Za-z.~+_-]*$`)

// imageRelease returns what uname -r will print: from the header of a bzImage,
// or from the banner of an ELF vmlinux.
func imageRelease(r io.ReaderAt) (string, error) {
	head := make([]byte, headerBytes)
	if n, err := r.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read kernel image: %w", err)
	} else if n < headerBytes {
		return "", ErrNoKernel
	}
	var text string
	var err error
	if bytes.HasPrefix(head, []byte(elf.ELFMAG)) {
		text, err = elfVersion(r)
	} else {
		text, err = bzImageVersion(r, head)
	}
	if err != nil {
		return "", err
	}
	release, _, _ := strings.Cut(text, " ")
	if !releaseForm.MatchString(release) || len(release) > 64 {
		return "", fmt.Errorf("kernel image says it is release %q", release)
	}
	return release, nil
}

// bzImageVersion reads the string that the header's kernel_version points to.
func bzImageVersion(r io.ReaderAt, head []byte) (string, error) {
	if !isBzImage(head) {
		return "", ErrNoKernel
	}
	pointer := int64(binary.LittleEndian.Uint16(head[kernelVersionAt:]))
	if pointer == 0 || pointer >= setupSects(head)*sectorBytes {
		return "", errors.New("kernel image does not say its release")
	}
	text := make([]byte, 256)
	n, err := r.ReadAt(text, pointer+sectorBytes)
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read kernel image: %w", err)
	}
	version, _, _ := bytes.Cut(text[:n], []byte{0})
	return string(version), nil
}

func isBzImage(head []byte) bool {
	return binary.LittleEndian.Uint16(head[bootFlagAt:]) == 0xaa55 &&
		string(head[magicAt:magicAt+4]) == "HdrS" &&
		binary.LittleEndian.Uint16(head[protocolAt:]) >= 0x0208
}

// setupSects is the size of the real-mode code; 0 means 4.
func setupSects(head []byte) int64 {
	if head[setupSectsAt] == 0 {
		return 4
	}
	return int64(head[setupSectsAt])
}

const (
	banner = "Linux version "
	// maxSectionBytes bounds what is read of a vmlinux at once.
	maxSectionBytes = 256 << 20
	// physEntryNote is XEN_ELFNOTE_PHYS32_ENTRY, where QEMU enters a vmlinux.
	physEntryNote = 18
)

// elfVersion reads the banner of a vmlinux, which QEMU boots if it has a PVH
// entry (CONFIG_PVH).
func elfVersion(r io.ReaderAt) (string, error) {
	f, err := elf.NewFile(r)
	if err != nil || f.Machine != elf.EM_X86_64 {
		return "", ErrNoKernel
	}
	if !hasEntryNote(f) {
		return "", fmt.Errorf("%w: built without CONFIG_PVH; take arch/x86/boot/bzImage", ErrNoKernel)
	}
	section := f.Section(".rodata")
	if section == nil || section.Type == elf.SHT_NOBITS || section.Size > maxSectionBytes {
		return "", ErrNoKernel
	}
	data, err := section.Data()
	if err != nil {
		return "", fmt.Errorf("read kernel image: %w", err)
	}
	_, text, ok := bytes.Cut(data, []byte(banner))
	if !ok {
		return "", errors.New("kernel image does not say its release")
	}
	return string(text[:min(len(text), 256)]), nil
}

// hasEntryNote looks for Xen's note with the 32-bit entry point.
func hasEntryNote(f *elf.File) bool {
	for _, p := range f.Progs {
		if p.Type != elf.PT_NOTE || p.Filesz > 1<<20 {
			continue
		}
		data := make([]byte, p.Filesz)
		if _, err := p.ReadAt(data, 0); err != nil && !errors.Is(err, io.EOF) {
			continue
		}
		if notesHave(data, "Xen\x00", physEntryNote) {
			return true
		}
	}
	return false
}

// notesHave walks ELF notes: three words (sizes of name and content, type),
// then both padded to four bytes.
func notesHave(data []byte, owner string, kind uint32) bool {
	for len(data) >= 12 {
		name := int64(binary.LittleEndian.Uint32(data))
		content := int64(binary.LittleEndian.Uint32(data[4:]))
		this := binary.LittleEndian.Uint32(data[8:])
		data = data[12:]
		end := pad4(name) + pad4(content)
		if name > int64(len(data)) || end > int64(len(data)) {
			return false
		}
		if this == kind && string(data[:name]) == owner {
			return true
		}
		data = data[end:]
	}
	return false
}

func pad4(n int64) int64 { return (n + 3) &^ 3 }
