package qemu

import (
	"context"
	"encoding/binary"
	"time"
)

// The work that measures a machine, and how long the machine that all budgets
// are made for takes with it: 0.36 s when idle, start of QEMU included.
const (
	speedLoops     = 100_000_000
	speedReference = 400 * time.Millisecond
)

// MeasureSpeed returns how many times slower than the reference machine this
// one emulates right now: 1 is as fast, 2 is half as fast. Whoever else keeps
// the CPUs busy counts as well, since a guest is slow for that too.
func MeasureSpeed(ctx context.Context) (float64, error) {
	took, err := timeBoot(ctx, TCG("calibration"), loopSector(speedLoops))
	if err != nil {
		return 0, err
	}
	return took.Seconds() / speedReference.Seconds(), nil
}

// loopSector is a boot sector that reads, adds and writes n times before it
// ends as sector does. Its data is on another page than its code: QEMU would
// translate the code anew after each write.
func loopSector(n uint32) []byte {
	code := []byte{
		0xfa,                   // cli
		0x66, 0xb9, 0, 0, 0, 0, // mov ecx, n
		0x66, 0xa1, 0x00, 0x90, // loop: mov eax, [0x9000]
		0x66, 0x01, 0xc8, // add eax, ecx
		0x66, 0xa3, 0x00, 0x90, // mov [0x9000], eax
		0x66, 0x49, // dec ecx
		0x75, 0xf1, // jnz loop
	}
	binary.LittleEndian.PutUint32(code[3:], n)
	return bootable(append(code, exitCode...))
}
