package initramfs

import (
	"bytes"
	"debug/elf"
	"fmt"
	"os"
)

// readStatic reads the executable at path and refuses one that needs a
// dynamic loader: the initramfs has none, and the kernel would panic with
// "No working init found" long after the cause.
func readStatic(path string) ([]byte, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read init: %w", err)
	}
	f, err := elf.NewFile(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("read init %s: not an ELF executable: %w", path, err)
	}
	if f.Type != elf.ET_EXEC && f.Type != elf.ET_DYN {
		return nil, fmt.Errorf("read init %s: ELF type %s is not executable", path, f.Type)
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return nil, fmt.Errorf("read init %s: dynamically linked; build it with CGO_ENABLED=0", path)
		}
	}
	return data, nil
}
