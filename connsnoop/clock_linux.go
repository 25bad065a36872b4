package connsnoop

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// readClocks reads the wall clock between two readings of the monotonic one.
func readClocks() (before, wall, after time.Duration, err error) {
	var readings [3]time.Duration
	for i, id := range []int32{unix.CLOCK_MONOTONIC, unix.CLOCK_REALTIME, unix.CLOCK_MONOTONIC} {
		var ts unix.Timespec
		if err := unix.ClockGettime(id, &ts); err != nil {
			return 0, 0, 0, fmt.Errorf("read clock %d: %w", id, err)
		}
		readings[i] = time.Duration(ts.Nano())
	}
	return readings[0], readings[1], readings[2], nil
}
