package main

import (
	"encoding/binary"
	"fmt"
)

// What runs in the containers is as small as a program can be, so that only
// the runtimes are measured: a hundred bytes of ELF without a library.

// loadAddress is where it lies in memory.
const loadAddress = 0x400000

const (
	elfHeaderSize     = 64
	programHeaderSize = 56
)

// code is the machine code by GOARCH.
type code map[string][]byte

// Both are a system call with all arguments 0.
var (
	// exitCode is exit(0).
	exitCode = code{
		"amd64": {0x31, 0xff, 0xb8, 60, 0, 0, 0, 0x0f, 0x05},
		"arm64": {0x00, 0x00, 0x80, 0xd2, 0xa8, 0x0b, 0x80, 0xd2, 0x01, 0x00, 0x00, 0xd4},
	}
	// pauseCode is ppoll(0, 0, 0, 0): until a signal comes.
	pauseCode = code{
		"amd64": {0x31, 0xff, 0x31, 0xf6, 0x31, 0xd2, 0x4d, 0x31, 0xd2, 0xb8, 0x0f, 0x01, 0, 0, 0x0f, 0x05},
		"arm64": {
			0x00, 0x00, 0x80, 0xd2, 0x01, 0x00, 0x80, 0xd2, 0x02, 0x00, 0x80, 0xd2, 0x03, 0x00, 0x80, 0xd2,
			0x28, 0x09, 0x80, 0xd2, 0x01, 0x00, 0x00, 0xd4,
		},
	}
)

// elfMachines are the values of e_machine.
var elfMachines = map[string]uint16{"amd64": 62, "arm64": 183}

// program makes an executable of machine code.
func (c code) program(goarch string) ([]byte, error) {
	text, found := c[goarch]
	if !found {
		return nil, fmt.Errorf("there is no program for %s", goarch)
	}
	const start = elfHeaderSize + programHeaderSize
	size := uint64(start + len(text))
	le := binary.LittleEndian
	out := append(make([]byte, 0, size), 0x7f, 'E', 'L', 'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	for _, half := range []uint16{2, elfMachines[goarch]} { // ET_EXEC
		out = le.AppendUint16(out, half)
	}
	out = le.AppendUint32(out, 1)
	for _, word := range []uint64{loadAddress + start, elfHeaderSize, 0} { // entry, program headers, no sections
		out = le.AppendUint64(out, word)
	}
	out = le.AppendUint32(out, 0)
	for _, half := range []uint16{elfHeaderSize, programHeaderSize, 1, 0, 0, 0} {
		out = le.AppendUint16(out, half)
	}
	out = le.AppendUint32(out, 1) // PT_LOAD
	out = le.AppendUint32(out, 5) // read and execute
	for _, word := range []uint64{0, loadAddress, loadAddress, size, size, 0x10000} {
		out = le.AppendUint64(out, word)
	}
	return append(out, text...), nil
}
