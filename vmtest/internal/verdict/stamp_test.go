package verdict

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestStampBeginsTheLine: what a program puts before a stamp makes the line its
// own, and a panic that it writes is none.
func TestStampBeginsTheLine(t *testing.T) {
	const line = "[    1.000000] Kernel panic - not syncing: x\n"
	require.NotEmpty(t, panicLine([]byte(line)))
	require.Empty(t, panicLine([]byte("program: "+line)))
}
