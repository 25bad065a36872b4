package record

import (
	"fmt"
	"strconv"
	"strings"
)

// reader reads the memory of a process that stands still.
type reader interface {
	text(address uint64, most int) (string, bool) // up to a zero byte
	bytes(address uint64, n int) ([]byte, bool)
}

// longest is how much of a string is shown.
const longest = 256

// unreadable stands for what the kernel does not let us read.
const unreadable = "(not readable)"

// decoders turn one argument into text, by the letters of Info.args.
var decoders = map[rune]func(value uint64, m reader) string{
	'd': func(v uint64, _ reader) string { return descriptor(v) },
	'u': func(v uint64, _ reader) string { return strconv.FormatUint(uint64(uint32(v)), 10) },
	'x': func(v uint64, _ reader) string { return fmt.Sprintf("%#x", v) },
	'o': func(v uint64, _ reader) string { return fmt.Sprintf("%#o", v) },
	'p': func(v uint64, _ reader) string { return pointer(v) },
	's': quoted,
	'M': func(v uint64, _ reader) string { return mountFlags.text(v) },
	'U': func(v uint64, _ reader) string { return umountFlags.text(v) },
	'T': func(v uint64, _ reader) string { return treeFlags.text(v) },
	'm': func(v uint64, _ reader) string { return moveFlags.text0(v) },
	'f': func(v uint64, _ reader) string { return fsopenFlags.text0(v) },
	'F': func(v uint64, _ reader) string { return fsmountFlags.text0(v) },
	'a': func(v uint64, _ reader) string { return attrFlags.text0(v) },
	'A': func(v uint64, _ reader) string { return atFlags.text0(v) },
	'c': func(v uint64, _ reader) string { return fsconfigCommand(v) },
	'O': func(v uint64, _ reader) string { return openFlags.text0(v) },
	'L': func(v uint64, _ reader) string { return lockFlags.text0(v) },
	'r': func(v uint64, _ reader) string { return rangeFlags.text0(v) },
	'R': func(v uint64, _ reader) string { return upTo(v) },
	'C': func(v uint64, _ reader) string { return cloneText(v &^ exitSignal) },
	'N': func(v uint64, _ reader) string { return cloneText(v) },
	'K': clone3Text,
	'P': func(v uint64, _ reader) string { return prctlName(v) },
	'I': func(v uint64, _ reader) string { return ioctlName(v) },
	'S': func(v uint64, _ reader) string { return seccompOperation(v) },
	'V': capabilityText,
}

// arguments shows those of one call.
func arguments(kinds string, values [6]uint64, m reader) []string {
	shown := []string{}
	for i, kind := range kinds {
		shown = append(shown, decoders[kind](values[i], m))
	}
	if strings.HasPrefix(kinds, "Px") {
		shown[1] = prctlArgument(values[0], values[1])
	}
	return shown
}

// descriptor also shows other small numbers, which are signed 32-bit as well.
func descriptor(v uint64) string {
	const atCwd = -100
	if int32(v) == atCwd {
		return "AT_FDCWD"
	}
	return strconv.Itoa(int(int32(v)))
}

// pointer shows whether there is one: the address itself says nothing.
func pointer(v uint64) string {
	if v == 0 {
		return "NULL"
	}
	return "..."
}

func quoted(v uint64, m reader) string {
	if v == 0 {
		return "NULL"
	}
	text, ok := m.text(v, longest)
	if !ok {
		return unreadable
	}
	return strconv.Quote(text)
}

// clone3Text reads struct clone_args: the flags, the exit signal, the cgroup.
func clone3Text(v uint64, m reader) string {
	const flagsAt, cgroupAt, size = 0, 80, 88
	data, ok := m.bytes(v, size)
	if !ok {
		return unreadable
	}
	flags := number(data, flagsAt)
	text := cloneText(flags)
	if flags&cloneIntoCgroup != 0 {
		text += ", cgroup " + descriptor(number(data, cgroupAt))
	}
	return text
}

// capabilityText reads what capset(2) is given: two struct
// __user_cap_data_struct, the lower halves first.
func capabilityText(v uint64, m reader) string {
	const size = 24
	data, ok := m.bytes(v, size)
	if !ok {
		return unreadable
	}
	var words []string
	for i, set := range []string{"effective", "permitted", "inheritable"} {
		low, high := uint32(number(data, 4*i)), uint32(number(append(data, 0, 0, 0, 0), 12+4*i))
		words = append(words, fmt.Sprintf("%s %#x", set, uint64(high)<<32|uint64(low)))
	}
	return strings.Join(words, ", ")
}

// number reads 8 bytes, the lowest first, as both of our architectures do.
func number(data []byte, at int) (n uint64) {
	for i := range 8 {
		n |= uint64(data[at+i]) << (8 * i)
	}
	return n
}
