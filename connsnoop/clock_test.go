package connsnoop

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// fakeClocks stand still but for what a reading costs.
type fakeClocks struct {
	mono, offset time.Duration
	costs        []time.Duration // of each reading, then none
	err          error
	readings     int
}

func (f *fakeClocks) read() (before, wall, after time.Duration, err error) {
	f.readings++
	var cost time.Duration
	if len(f.costs) > 0 {
		cost, f.costs = f.costs[0], f.costs[1:]
	}
	before = f.mono
	f.mono += cost
	return before, before + cost + f.offset, f.mono, f.err
}

func TestClock(t *testing.T) {
	fake := &fakeClocks{mono: 10 * time.Second, offset: time.Hour}
	c := clock{read: fake.read}
	require.NoError(t, c.measure())
	offset := func(at time.Duration) time.Duration {
		got, err := c.current(at)
		require.NoError(t, err)
		return got
	}
	require.Equal(t, time.Hour, offset(fake.mono))
	require.Equal(t, time.Hour, offset(time.Second), "of an event from before")

	fake.offset += 30 * time.Minute // a suspend
	require.Equal(t, time.Hour, offset(fake.mono+clockInterval-1))
	fake.mono += clockInterval
	require.Equal(t, 90*time.Minute, offset(fake.mono))
	require.Equal(t, 2*clockTries, fake.readings)

	fake.err = errors.New("no clock")
	_, err := c.current(fake.mono + clockInterval)
	require.ErrorIs(t, err, fake.err)
}

// TestClockTakesTheTightest: a reading that was interrupted does not count.
func TestClockTakesTheTightest(t *testing.T) {
	fake := &fakeClocks{offset: time.Hour, costs: []time.Duration{time.Second, 2, time.Millisecond, time.Second, 0}}
	fake.costs[4] = 4
	c := clock{read: fake.read}
	require.NoError(t, c.measure())
	require.Equal(t, time.Hour+1, c.offset, "half the width of 2 ns off")
}
