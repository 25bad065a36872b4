package connsnoop

import "time"

// clockInterval is how old an offset may be: a suspend, during which
// CLOCK_MONOTONIC stands still, or a step of the wall clock is seen after that.
const clockInterval = time.Second

// clock says what to add to CLOCK_MONOTONIC, the clock of bpf_ktime_get_ns,
// for the wall clock.
type clock struct {
	read   func() (before, wall, after time.Duration, err error)
	offset time.Duration
	at     time.Duration // monotonic time of the measurement
}

// clockTries: of so many readings the tightest counts, because we may lose the
// CPU between two of them.
const clockTries = 5

// measure sets the offset.
func (c *clock) measure() error {
	var tightest time.Duration
	for try := range clockTries {
		before, wall, after, err := c.read()
		if err != nil {
			return err
		}
		if width := after - before; try == 0 || width < tightest {
			tightest = width
			c.at = before + width/2
			c.offset = wall - c.at
		}
	}
	return nil
}

// current returns the offset for an event of the monotonic time at. It reads
// the clocks at most once a second, not for each event.
func (c *clock) current(at time.Duration) (time.Duration, error) {
	if at-c.at < clockInterval {
		return c.offset, nil
	}
	err := c.measure()
	return c.offset, err
}
