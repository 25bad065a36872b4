package connsnoop

import "fmt"

// The enums of bpf/abi.h by their numbers. Empty is no valid code.
var (
	kinds      = [...]Kind{1: KindOpen, KindEstablished, KindFailed, KindClosed}
	directions = [...]Direction{1: Connect, Accept}
	results    = [...]Result{1: ResultOK, ResultRefused, ResultTimeout, ResultReset,
		ResultUnreachable, ResultAborted, ResultError}
	pidSources = [...]PIDSource{PIDUnknown, PIDConnect, PIDAccept, PIDIter, PIDClose}
)

// Bits of enum flag.
const (
	flagSeeded = 1 << 0
	flagMPTCP  = 1 << 1
	flagTFO    = 1 << 2
	flagDead   = 1 << 4
)

// nameOf is the name of a number that came from the kernel.
func nameOf[T ~string](names []T, code uint8) (T, error) {
	if int(code) >= len(names) || names[code] == "" {
		var kind T
		return "", fmt.Errorf("unknown %T %d", kind, code)
	}
	return names[code], nil
}

// codeOf is the number of a name, or 0.
func codeOf[T ~string](names []T, name T) uint8 {
	for code, n := range names {
		if n == name {
			return uint8(code)
		}
	}
	return 0
}
