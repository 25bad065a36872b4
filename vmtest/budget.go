package vmtest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Budgets of the stages on the machine that they are made for. They only bound
// what has stopped making progress, so they are generous; a slower machine
// gets more, in the ratio that was measured.
const (
	fetchBudget = 20 * time.Minute // one kernel; the network's speed is not measured
	imageBudget = 40 * time.Minute // one root disk
)

// maxSlowdown bounds what a measurement may make of budgets: beyond that a
// machine is not slow but broken.
const maxSlowdown = 10

// speed is how many times slower this machine is than the one that budgets are
// made for. The zero value and nil are that machine itself.
type speed struct {
	mu    sync.Mutex
	ratio float64
}

// Ratio is between 1 and maxSlowdown: a faster machine gets no less time.
func (s *speed) Ratio() float64 {
	if s == nil {
		return 1
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return min(max(s.ratio, 1), maxSlowdown)
}

// atLeast takes down a measurement. The slowest one counts: a machine that was
// slow once during a run may be so again.
func (s *speed) atLeast(ratio float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ratio = max(s.ratio, ratio)
}

// scale stretches a budget.
func (s *speed) scale(budget time.Duration) time.Duration {
	return time.Duration(float64(budget) * s.Ratio())
}

// within bounds a stage; the error of one that takes longer names its budget.
func within(ctx context.Context, budget time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, budget, fmt.Errorf("not done within its budget of %v", budget.Round(time.Second)))
}

// overdue is the budget if that is what made a stage fail.
func overdue(bounded context.Context, err error) error {
	if cause := context.Cause(bounded); err != nil && cause != nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	return err
}
