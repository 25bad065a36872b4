package connsnoop

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// clockOffset returns CLOCK_REALTIME minus CLOCK_MONOTONIC, the clock of
// bpf_ktime_get_ns. The wall clock may be set later: events carry the offset
// that was used.
func clockOffset() (time.Duration, error) {
	var mono, wall unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &mono); err != nil {
		return 0, fmt.Errorf("read monotonic clock: %w", err)
	}
	if err := unix.ClockGettime(unix.CLOCK_REALTIME, &wall); err != nil {
		return 0, fmt.Errorf("read wall clock: %w", err)
	}
	return time.Duration(wall.Nano() - mono.Nano()), nil
}
