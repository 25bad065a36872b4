package procstatus

import (
	"os"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestParseOwn reads what the running kernel says of the test.
func TestParseOwn(t *testing.T) {
	own, err := os.ReadFile("/proc/self/status")
	require.NoError(t, err)
	s, err := Parse(string(own))
	require.NoError(t, err)
	require.Equal(t, os.Getpid(), s.PIDs[0])
	require.Equal(t, strconv.Itoa(os.Geteuid()), strconv.Itoa(int(s.UIDs[1])))
}
