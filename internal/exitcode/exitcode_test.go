package exitcode_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/internal/exitcode"
)

func TestOf(t *testing.T) {
	plain := errors.New("plain")
	tests := []struct {
		name string
		err  error
		want int
	}{
		{"nil is pass", nil, 0},
		{"nil stays nil", exitcode.With(exitcode.Usage, nil), 0},
		{"no code is fail", plain, 1},
		{"usage", exitcode.With(exitcode.Usage, plain), 2},
		{"wrapped again", fmt.Errorf("read policy: %w", exitcode.With(exitcode.Unsupported, plain)), 4},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			require.Equal(t, tt.want, exitcode.Of(tt.err))
		})
	}
	require.ErrorIs(t, exitcode.With(exitcode.Harness, plain), plain)
}
