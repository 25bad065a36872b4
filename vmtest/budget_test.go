package vmtest

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestSpeed: a slow machine gets more time, within reason; a fast one no less.
func TestSpeed(t *testing.T) {
	tests := []struct {
		name     string
		measured []float64
		want     time.Duration
	}{
		{"not measured", nil, time.Minute},
		{"as fast", []float64{1}, time.Minute},
		{"faster", []float64{0.2}, time.Minute},
		{"half as fast", []float64{2}, 2 * time.Minute},
		{"the slowest counts", []float64{1.1, 3, 2}, 3 * time.Minute},
		{"broken", []float64{500}, 10 * time.Minute},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := &speed{}
			for _, m := range tt.measured {
				s.atLeast(m)
			}
			require.Equal(t, tt.want, s.scale(time.Minute))
		})
	}
	var none *speed
	require.Equal(t, time.Minute, none.scale(time.Minute))
}

func TestWithinNamesTheBudget(t *testing.T) {
	ctx, cancel := within(t.Context(), 0)
	defer cancel()
	<-ctx.Done()
	require.EqualError(t, context.Cause(ctx), "not done within its budget of 0s")
}
