package main

import (
	"debug/elf"
	"encoding/binary"
	"errors"
	"slices"
)

// What an entry of __bug_table says of its instruction (linux/bug.h).
const (
	isBug     = 0
	isWarning = 1
)

// complain has the kernel run into a WARN_ON() or a BUG(), which a module of
// this kernel brings along in its table of them: the first entry is made to
// point to where init begins.
func complain(kind uint16) error {
	m, err := prepare("veth", complaint)
	if err != nil {
		return err
	}
	if err := m.aimBugTable(kind); err != nil {
		return err
	}
	return m.load()
}

// aimBugTable points the first entry of __bug_table at the init function. An
// entry begins with the relocation of an address of code, and ends with two
// bytes of flags; what is between, and so its size, differs by kernel.
func (m *module) aimBugTable(kind uint16) error {
	table := slices.IndexFunc(m.file.Sections, func(s *elf.Section) bool { return s.Name == "__bug_table" })
	symbol, err := m.sectionSymbol(m.init.Section)
	if table < 0 || err != nil {
		return errors.Join(errors.New("module has no __bug_table"), err)
	}
	first, size := uint64(0), m.file.Sections[table].Size
	for at := range m.relocations(table) {
		switch where := m.word(at); {
		case where == 0:
			first = at
		case m.pointsToCode(at):
			size = min(size, where)
		}
	}
	binary.LittleEndian.PutUint32(m.data[first+12:], symbol)
	binary.LittleEndian.PutUint64(m.data[first+16:], m.begin)
	binary.LittleEndian.PutUint16(m.data[m.file.Sections[table].Offset+size-2:], kind)
	return nil
}

// pointsToCode tells whether a relocation is one of an instruction's address.
func (m *module) pointsToCode(at uint64) bool {
	symbols, err := m.file.Symbols()
	index := int(m.word(at+8)>>32) - 1 // the list leaves the first one out
	if err != nil || index < 0 || index >= len(symbols) || int(symbols[index].Section) >= len(m.file.Sections) {
		return false
	}
	return m.file.Sections[symbols[index].Section].Flags&elf.SHF_EXECINSTR != 0
}

// sectionSymbol is the number of the symbol that stands for a section.
func (m *module) sectionSymbol(section elf.SectionIndex) (uint32, error) {
	symbols, err := m.file.Symbols()
	if err != nil {
		return 0, err
	}
	for i, s := range symbols {
		if s.Section == section && elf.ST_TYPE(s.Info) == elf.STT_SECTION { //nolint:misspell // the standard's name
			return uint32(i) + 1, nil
		}
	}
	return 0, errors.New("section has no symbol")
}
